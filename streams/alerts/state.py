"""The state of alerts for one device. Only what is pending or firing is kept, so it is small where all is well."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from schemas.alert import Severity
from streams.place import Place

MOST_INSTANCES = 500
"""How many pending and firing instances a device may have; above that, new ones are not begun, and counted."""

MOST_LOOKS = 64
"""How many collectors are remembered a device, the most recent ones."""


@dataclass(frozen=True, slots=True)
class Raised:
    """What was raised; it is told again when it is resolved, the rule may be gone by then."""

    alert_id: UUID
    at: datetime
    revision: int
    severity: Severity
    labels: dict[str, str]
    unit: str | None
    summary: str


@dataclass(frozen=True, slots=True)
class Instance:
    """A rule on a series: pending without `raised`, firing with it.

    `since`, `last` and `clearing_since` are event times, `seen_ms` the liveness clock of the last sample; without one
    for `stale_ms` of liveness it is over.
    """

    rule: str
    meaning: str
    since: datetime
    last: datetime
    value: float | None
    first: Place
    seen_ms: int
    stale_ms: int
    raised: Raised | None = None
    clearing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """When a rule of absence saw its series last: on the liveness clock, in event time, and where."""

    seen_ms: int
    at: datetime
    place: Place


@dataclass(frozen=True, slots=True)
class AlertState:
    """What is known of a device."""

    looks: dict[str, datetime] = field(default_factory=dict)
    """By collector, the event time of its newest look."""

    seen: dict[str, Seen] = field(default_factory=dict)
    """By rule of absence."""

    instances: dict[str, Instance] = field(default_factory=dict)
    """By rule and series."""
