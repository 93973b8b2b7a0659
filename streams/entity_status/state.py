"""The state of entity_status for one device: of each thing only what the next look is compared with."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from schemas.config import ConfigStatus
from schemas.container import ContainerStatus
from schemas.drive import DriveHealth
from schemas.fields import Scalar
from schemas.network import NetworkStatus
from schemas.packages import PackagesStatus
from schemas.pool import PoolHealth
from schemas.service import ServiceStatus
from streams.entity_status.rises import Rises

MOST_CONTAINERS = 300
"""Of one engine. Above a bound new things are not watched, and counted; so in all families."""

MOST_DRIVES = 200
MOST_POOLS = 32
MOST_POOL_DEVICES = 200
MOST_SERVICES = 400
MOST_LINKS = 200
MOST_PORTS = 400
MOST_FILES = 100
MOST_VALUES = 64
"""Values that are remembered of one file; of a file with more none are."""

MOST_VALUES_OF_ALL = 1024
"""Values that are remembered of all files of a device."""

MOST_BASELINES = 200


@dataclass(frozen=True, slots=True)
class Looked:
    """The last look of one kind: its time as it counts, whose it was, where it stands, whether a whole one ever was."""

    at: datetime
    scope: str
    offset: int
    id: UUID
    settled: bool = False


@dataclass(frozen=True, slots=True)
class KnownContainer:
    """A container; ids shortened. `rises` are those of its count of restarts."""

    status: ContainerStatus
    id: str = ""
    image_id: str = ""
    image: str | None = None
    started_at: datetime | None = None
    restarts: int | None = None
    out_of_memory: bool = False
    rises: Rises = ()


@dataclass(frozen=True, slots=True)
class KnownDrive:
    """A drive; `values` are its counts, wear and spare by the names of their fields."""

    status: DriveHealth
    path: str
    device_type: str | None = None
    serial: str | None = None
    model: str | None = None
    failing: bool | None = None
    values: dict[str, int] = field(default_factory=dict)
    out_of_range: bool = False
    test: str | None = None
    test_passed: bool | None = None


@dataclass(frozen=True, slots=True)
class KnownPoolDevice:
    """A device of a pool; `told` is the number of errors that was told last."""

    state: str
    parent: str | None = None
    errors: int = 0
    told: int = 0


@dataclass(frozen=True, slots=True)
class KnownPool:
    """A pool; `checked_at` is when the last scrub ended, or the pool was first seen."""

    status: PoolHealth
    state: str
    guid: str | None = None
    devices: dict[str, KnownPoolDevice] = field(default_factory=dict)
    data_errors: int = 0
    data_told: int = 0
    scan: str | None = None
    scan_errors: int = 0
    checked_at: datetime | None = None
    overdue: bool = False
    full: bool = False


@dataclass(frozen=True, slots=True)
class KnownService:
    """A unit; `status` is the last one it rested in; `minor` that only its failures are told."""

    status: ServiceStatus
    minor: bool = False
    restarts: int | None = None
    trouble: ServiceStatus | None = None
    rises: Rises = ()


@dataclass(frozen=True, slots=True)
class KnownLink:
    """An interface; speeds in bits a second, `best` the highest seen."""

    status: NetworkStatus
    speed: int | None = None
    best: int | None = None
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownNetwork:
    """Interfaces, default routes by family, and open ports with their programs ("" is unknown)."""

    links: dict[str, KnownLink] = field(default_factory=dict)
    routes: dict[str, str] | None = None
    ports: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class KnownPackages:
    """What waits, by one package manager."""

    status: PackagesStatus
    updates: int = 0
    security: int | None = None
    reboot: bool | None = None
    kernel: str | None = None
    stale: bool = False


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A configuration file; `values` is what was parsed by dotted path, None when that is too much to remember."""

    status: ConfigStatus
    digest: str
    values: dict[str, Scalar] | None = None


@dataclass(frozen=True, slots=True)
class EntityState:
    """What is known of a device's things."""

    looks: dict[str, Looked] = field(default_factory=dict)
    """By kind of look: `drive`, `container docker`, `config /etc/x`."""

    containers: dict[str, dict[str, KnownContainer]] = field(default_factory=dict)
    """By engine and entity."""

    drives: dict[str, KnownDrive] = field(default_factory=dict)
    pools: dict[str, KnownPool] = field(default_factory=dict)
    services: dict[str, KnownService] = field(default_factory=dict)
    network: KnownNetwork = field(default_factory=KnownNetwork)
    packages: dict[str, KnownPackages] = field(default_factory=dict)
    files: dict[str, KnownFile] = field(default_factory=dict)
    first_runs: dict[str, UUID] = field(default_factory=dict)
    """By kind of configuration file, the collection run that told of some first: its files are not new."""

    baselines: dict[str, dict[str, Scalar]] = field(default_factory=dict)
    """Accepted values by `<kind> <entity>`, the newest last."""
