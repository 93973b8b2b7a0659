"""What the live view knows: one frozen value. `cli.up.fold` carries it on from record to record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from cli.up.host import HostFigures

RATE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Device:
    """One device: its status with the reason, since when (event time), and when it last said anything."""

    id: str
    status: str = "unknown"
    reason: str = ""
    summary: str = ""
    since: datetime | None = None
    seen_ms: int = 0
    described: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert that is raised now."""

    id: UUID
    device: str
    rule: str
    severity: str
    summary: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Notification:
    """One request and what became of it: `requested`, `delivered`, `failed` or `suppressed`, with the detail."""

    request_id: UUID
    at: datetime
    receiver: str
    title: str
    outcome: str = "requested"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Process:
    """One child: its state in a word, how often it was started again, its memory (None when it does not run)."""

    name: str
    state: str
    restarts: int = 0
    rss_bytes: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A line worth saying once; `number` counts up, so that a reader knows which it has said."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where things listen, as people write it; passwords are masked. Empty: not known yet.

    `psql` is a whole command to paste, `psql_short` one that does the same and fits a narrow terminal.
    """

    kafka: str = ""
    database: str = ""
    psql: str = ""
    psql_short: str = ""
    logs: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """All that is shown."""

    phase: str = ""
    places: Places = Places()
    devices: Mapping[str, Device] = field(default_factory=dict)
    host: HostFigures | None = None
    alerts: Mapping[UUID, Alert] = field(default_factory=dict)
    notifications: Mapping[UUID, Notification] = field(default_factory=dict)
    events: int = 0
    by_second: Mapping[int, int] = field(default_factory=dict)
    dead_letters: int = 0
    gaps: int = 0
    """Open ones, as the database has them."""
    processes: tuple[Process, ...] = ()
    lag: Mapping[str, int] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    failing: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Why looks fail, as it was noted: by device and collector, or by device and nothing where nobody answers."""

    def rate(self, now_ms: int) -> float:
        """Events a second over the last `RATE_SECONDS` whole seconds before `now_ms`, ticks and rules apart."""
        now = now_ms // 1000
        return sum(self.by_second.get(now - back, 0) for back in range(1, RATE_SECONDS + 1)) / RATE_SECONDS
