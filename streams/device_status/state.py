"""The state of device_status for one device."""

from dataclasses import dataclass, field
from datetime import datetime

from schemas.device import Status
from streams.device_status.observers import Described, Observers
from streams.place import Place


@dataclass(frozen=True, slots=True)
class Failing:
    """A collector that fails: since when in event time, with which error last, and the event that began it."""

    collector: str
    since: datetime
    error_code: str
    place: Place
    seen_ms: int
    """The liveness clock when it failed last."""


@dataclass(frozen=True, slots=True)
class StatusState:
    """What is known of a device; times named `_ms` are of the liveness clock."""

    status: Status = "unknown"
    """As told."""

    judged: Status = "unknown"
    """As the looks say; differs from what is told while the device flaps."""

    told_at: datetime | None = None
    """The time of the last status event."""

    alive_ms: int | None = None
    alive: Place | None = None
    """The last sign of life."""

    interval_ms: int = 0
    unreachable: Place | None = None
    failing: tuple[Failing, ...] = ()
    skew_seconds: float | None = None
    skew: Place | None = None
    retired: Place | None = None
    flips_ms: tuple[int, ...] = ()
    flapping: bool = False
    observers: Observers = ()
    described: Described = field(default_factory=Described)
    """As told."""

    since: datetime | None = None
    """When the status that was told began."""

    reason: str = ""
    """Why, as told; empty in what earlier versions stored."""

    concerned: tuple[str, ...] = ()
    """Which collectors or agents it was about, as told."""
