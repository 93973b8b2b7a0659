"""What is known of alerts, silences and maintenance, and who was told: the parts of the fleet's state.

Lengths of time are on the liveness clock of the partition (`*_ms`), times of day are event or append times (UTC).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from schemas.alert import ResolvedBecause, Severity, SilenceData
from schemas.maintenance import MaintenanceStartedData
from schemas.notification import SuppressedBecause

Stage = Literal["waiting", "told", "closed"]
Lane = Literal["group", "digest", "backlog", "escalation"]


@dataclass(frozen=True, slots=True)
class Held:
    """Why a receiver is not told, and by which thing (an id or a name). The same one is told of once."""

    reason: SuppressedBecause
    thing: str = ""


FLEET_NAME = "fleet"
"""The name of the one part of the kind `backlog`."""


@dataclass(frozen=True, slots=True)
class Telling:
    """How far one receiver is with one alert.

    `waiting` becomes `told` with the first request; `closed` when nothing more will be said. Lanes are the ways of what
    waits: with its group; in the receiver's next digest (after quiet hours, above the rate limit); with the backlog;
    for an escalation that is held.
    """

    route: str
    start_ms: int
    """Since when it waits with its group."""

    stage: Stage = "waiting"
    lane: Lane = "group"
    told_ms: int | None = None
    """When it was told last: what is repeated counts from here."""

    step: int = 0
    """How many steps of escalation were told."""

    held: Held | None = None
    routed: bool = True
    """Whether the policy in force still leads here: if not, only the end is told."""

    @property
    def limited(self) -> bool:
        """Whether it was above the rate limit."""
        return self.held is not None and self.held.reason == "rate_limited"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Who has taken an alert on."""

    operator: str
    at: datetime
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """That an alert is over, why and since when."""

    reason: ResolvedBecause
    at: datetime
    resolved_ms: int
    late: bool = False
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert until nothing more is to be said of it. `offset` is that of its `alert.raised`: the order of alerts."""

    id: UUID
    device: str
    rule: str
    severity: Severity
    since: datetime
    raised_at: datetime
    summary: str
    offset: int
    raised_ms: int
    labels: dict[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    value: float | None = None
    unit: str | None = None
    description: str | None = None
    runbook: str | None = None
    historical: bool = False
    late: bool = False
    """Derived so late that it belongs to a backlog."""

    tellings: dict[str, Telling] = field(default_factory=dict)
    """By receiver."""

    routes: tuple[str, ...] = ()
    first_told_ms: int | None = None
    """When anybody was told first: escalation counts from here."""

    acknowledged: Acknowledged | None = None
    resolved: Resolved | None = None

    @property
    def firing(self) -> bool:
        """Whether it still holds."""
        return self.resolved is None


@dataclass(frozen=True, slots=True)
class Group:
    """When a receiver was told of a group of a route last."""

    receiver: str
    route: str
    told_ms: int
    values: tuple[str, ...] = ()
    """The values that its members share, of what the route groups by."""


@dataclass(frozen=True, slots=True)
class Silence:
    """What an operator silenced: of one device, or of all with the subject `_fleet`."""

    id: UUID
    subject: str
    operator: str
    matchers: dict[str, str]
    starts_at: datetime
    ends_at: datetime
    comment: str | None = None

    @classmethod
    def of(cls, subject: str, data: SilenceData) -> Self:
        """What an `alert.silenced` says."""
        return cls(
            data.silence_id, subject, data.operator, dict(data.matchers), data.starts_at, data.ends_at, data.comment
        )


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What an operator announced: of one device, or with the subject `_fleet` of all or of some groups."""

    id: UUID
    subject: str
    operator: str
    starts_at: datetime
    ends_at: datetime | None = None
    groups: tuple[str, ...] = ()
    matchers: dict[str, str] = field(default_factory=dict)
    comment: str | None = None

    @classmethod
    def of(cls, subject: str, data: MaintenanceStartedData) -> Self:
        """What a `maintenance.started` says."""
        return cls(
            data.maintenance_id,
            subject,
            data.operator,
            data.starts_at,
            data.ends_at,
            groups=data.groups,
            matchers=dict(data.matchers),
            comment=data.comment,
        )


@dataclass(frozen=True, slots=True)
class Known:
    """What the alerts of a device said last of its place."""

    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receiver:
    """What a receiver may still get: the tokens of its rate limit as of `at_ms`, and how much it got lately."""

    tokens: float
    at_ms: int
    recent: tuple[tuple[int, int], ...] = ()
    """When (ms) how many alerts were told one by one, as far back as the window of bursts."""

    digest_ms: int | None = None
    """When the last digest of a burst was told: within the window all else waits for the next."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """That alerts come which were derived late: since when, and when the last."""

    first_ms: int
    last_ms: int


ALERT, GROUP, SILENCE, MAINTENANCE = "alert", "group", "silence", "maintenance"
KNOWN, RECEIVER, BACKLOG = "known", "receiver", "backlog"

PARTS: Mapping[str, type[Any]] = {
    ALERT: Alert,
    GROUP: Group,
    SILENCE: Silence,
    MAINTENANCE: Maintenance,
    KNOWN: Known,
    RECEIVER: Receiver,
    BACKLOG: Backlog,
}
"""The kinds of parts. Stored under `<kind>:<name>`; names are the id, of `known` the device, of `backlog` `fleet`."""
