"""pool.*: ZFS pools, their devices, scrubs and datasets, and how their health went.

Source of the fields: zpool-list(8), zpool-status(8), zpoolprops(7), zfs-list(8); states in lower case.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.entity import Complete, EntityChange
from schemas.envelope import Envelope
from schemas.fields import Bytes, Count, Name, Part, Path, Ratio, Seconds, Text, UtcTime, Word

PoolHealth = Literal["unknown", "healthy", "warning", "degraded", "failed", "gone"]
PoolHappening = Literal[
    "appeared",
    "vanished",
    "state_changed",
    "device_failed",
    "device_recovered",
    "device_replaced",
    "errors_rose",
    "errors_cleared",
    "scrub_finished",
    "scrub_found_errors",
    "scrub_overdue",
    "resilver_started",
    "resilver_finished",
    "capacity_high",
    "capacity_normal",
]


class PoolDevice(Part):
    """A vdev, or a device in one: `parent` names the vdev it is part of, and is absent at the top."""

    name: Name
    kind: Word | None = Field(default=None, description="`mirror`, `raidz1`, `disk`, `log`, `cache`, `spare`.")
    parent: Name | None = None
    path: Path | None = None
    state: Word
    read_errors: Count | None = None
    write_errors: Count | None = None
    checksum_errors: Count | None = None
    note: Text | None = Field(default=None, description="What zpool says behind the counts.")


class Scan(Part):
    """The last or the current scrub or resilver."""

    kind: Literal["scrub", "resilver"]
    state: Literal["running", "paused", "finished", "canceled"]
    started_at: UtcTime | None = None
    ended_at: UtcTime | None = None
    progress: Ratio | None = None
    scanned_bytes: Bytes | None = None
    total_bytes: Bytes | None = None
    repaired_bytes: Bytes | None = None
    errors: Count | None = None
    remaining_seconds: Seconds | None = None


class Dataset(Part):
    """A file system or a volume of a pool."""

    name: Name
    kind: Literal["filesystem", "volume"]
    used_bytes: Bytes | None = None
    available_bytes: Bytes | None = None
    referenced_bytes: Bytes | None = None
    quota_bytes: Bytes | None = None
    compression_ratio: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    mountpoint: Path | None = None


class Pool(Part):
    """One pool; a field that the program does not give is absent."""

    name: Name
    guid: Name | None = None
    state: Word
    status: Text | None = Field(default=None, description="What zpool status says is wrong.")
    action: Text | None = Field(default=None, description="What it recommends.")
    size_bytes: Bytes | None = None
    allocated_bytes: Bytes | None = None
    free_bytes: Bytes | None = None
    capacity: Ratio | None = None
    fragmentation: Ratio | None = None
    deduplication_ratio: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    read_only: bool | None = None
    data_errors: Count | None = None
    scan: Scan | None = None
    devices: tuple[PoolDevice, ...] = ()
    datasets: tuple[Dataset, ...] = ()


class PoolObservedData(Part):
    """All pools of one device."""

    version: Name | None = Field(default=None, description="Of OpenZFS.")
    pools: tuple[Pool, ...]
    complete: Complete = True


class PoolObserved(Envelope):
    """A look at a device's pools."""

    TYPE: ClassVar[str] = "infrastructor.pool.observed.v1"
    type: Literal["infrastructor.pool.observed.v1"] = "infrastructor.pool.observed.v1"
    data: PoolObservedData


class PoolHealthData(EntityChange):
    """What happened to a pool; `entity` is its name."""

    what: PoolHappening
    previous: PoolHealth | None = None
    status: PoolHealth
    device: Name | None = Field(default=None, description="The device of the pool it is about.")


class PoolHealthChanged(Envelope):
    """Something happened to a pool."""

    TYPE: ClassVar[str] = "infrastructor.pool.health_changed.v1"
    type: Literal["infrastructor.pool.health_changed.v1"] = "infrastructor.pool.health_changed.v1"
    data: PoolHealthData
