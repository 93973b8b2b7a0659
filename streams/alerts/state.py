"""The state of alerts for one device. Only what is pending or firing is kept, so it is small where all is well.

What is bounded, and where: instances, windows (`windows.MOST_SAMPLES` samples each), what combinations hold, the times
of recent alerts, and what a backlog withholds. Above a bound nothing new is begun, and it is counted.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from schemas.alert import Severity
from streams.alerts.about import UNKNOWN, About
from streams.alerts.windows import Window
from streams.place import Place

MOST_INSTANCES = 500
"""How many pending and firing instances a device may have; above that, new ones are not begun, and counted."""

MOST_WINDOWS = 500
"""How many windows a device may have, one for each series of each condition that looks at a window."""

MOST_HELD = 500
"""How many parts of combinations may hold at a device at once."""

MOST_RECENT = 500
"""How many series of a device are remembered as lately resolved, to see which flap."""

MOST_PAST = 100
"""How many alerts that began and ended in a backlog are told a device; above that, the oldest are left out."""

MOST_STATUSES = 500
"""Of how many entities of a device the last status is kept, the most recent ones."""

MOST_LOOKS = 64
"""How many collectors are remembered a device, the most recent ones."""


@dataclass(frozen=True, slots=True)
class Raised:
    """What was raised; it is told again when it is resolved, the rule may be gone by then.

    `withheld` is the data of an `alert.raised` that a backlog made and nobody was told of yet.
    """

    alert_id: UUID
    at: datetime
    revision: int
    severity: Severity
    labels: dict[str, str]
    unit: str | None
    summary: str
    flapping: bool = False
    withheld: dict[str, Any] | None = None
    groups: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Instance:
    """A rule on a series: pending without `raised`, firing with it.

    `since`, `last` and `clearing_since` are event times, `seen_ms` the liveness clock of the last sample; without one
    for `stale_ms` of liveness it is over. Of a status, `seen_ms` is when it began, `clearing_ms` when it was over:
    nothing comes while it lasts, so its lengths of time are counted in liveness; in a backlog in event time. `facts` is
    what its event said.
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
    clearing_ms: int | None = None
    current: float | None = None
    labels: dict[str, str] | None = None
    facts: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """When a rule of absence saw its series last: on the liveness clock, in event time, and where.

    `selects` is the digest of what the rule was about then.
    """

    seen_ms: int
    at: datetime
    place: Place
    selects: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A part of a combination that holds: when it was seen last on the liveness clock, its value and its bound."""

    seen_ms: int
    stale_ms: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Past:
    """An alert that ended in a backlog: the data of its events, and their ids and times.

    Without `raised` it was told before the backlog began, and only its end is to be told.
    """

    alert_id: UUID
    raised_at: datetime
    raised: dict[str, Any] | None
    resolved_id: UUID
    resolved_at: datetime
    resolved: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Status:
    """The last that was heard of an entity, kept so that new rules judge it too: its data without proofs and diffs."""

    at: datetime
    place: Place
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Memory:
    """What rarely changes, or is empty of most devices: windows, combinations, what flaps, what is withheld, status."""

    windows: dict[str, Window] = field(default_factory=dict)
    """By kind and length, and series."""

    held: dict[str, dict[str, Held]] = field(default_factory=dict)
    """By meaning of the rule and group, then by part and series: what of a combination holds."""

    recent: dict[str, tuple[datetime, ...]] = field(default_factory=dict)
    """By rule and series, when it was raised lately."""

    late_ms: int | None = None
    """The liveness clock of the last late record, while transitions are withheld."""

    past: tuple[Past, ...] = ()
    """What ended while transitions were withheld."""

    statuses: dict[str, Status] = field(default_factory=dict)
    """Of status: by type of event and entity, the last that was heard. Empty of metrics, which come again."""

    about: About = field(default_factory=lambda: UNKNOWN)
    """What is known of the device itself."""


@dataclass(frozen=True, slots=True)
class AlertState:
    """What is known of a device. Few fields: nearly every look makes a new one."""

    looks: dict[str, datetime] = field(default_factory=dict)
    """By collector (of status: by type of event), the event time of the newest."""

    seen: dict[str, Seen] = field(default_factory=dict)
    """By rule of absence."""

    instances: dict[str, Instance] = field(default_factory=dict)
    """By rule and series."""

    memory: Memory = field(default_factory=Memory)
