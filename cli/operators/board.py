"""The board: alerts, silences and maintenance as they stand at a place in the log. Pure.

It begins with the state of the notifications derivation, or with nothing, and folds what `infra.alerts` and
`infra.notifications` have beyond that.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from schemas.alert import (
    AlertAcknowledged,
    AlertFacts,
    AlertRaised,
    AlertRaisedData,
    AlertRemark,
    AlertResolved,
    AlertResolvedData,
    AlertSilenced,
    AlertUnacknowledged,
    AlertUnsilenced,
    Severity,
)
from schemas.fields import Evidence
from schemas.maintenance import MaintenanceEnded, MaintenanceStarted
from schemas.notification import NotificationRequested
from schemas.record import AnyRead, Record
from streams.notifications.state import Acknowledged, Held, Maintenance, Silence


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert, firing or resolved."""

    id: UUID
    device: str
    rule: str
    severity: Severity
    summary: str
    raised_at: datetime
    since: datetime
    rule_revision: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    value: float | None = None
    unit: str | None = None
    threshold: float | None = None
    description: str | None = None
    runbook: str | None = None
    evidence: tuple[Evidence, ...] = ()
    historical: bool = False
    flapping: bool = False
    resolved_at: datetime | None = None
    resolved_because: str | None = None
    acknowledged: Acknowledged | None = None
    told: tuple[str, ...] = ()
    """The receivers that a notification was requested of."""

    waiting: tuple[str, ...] = ()
    """Of the receivers that are still to be told: who, and what is waited for, in words."""

    held: tuple[Held, ...] = ()
    """By what the streams worker holds it back from its receivers."""

    offset: int | None = None
    """Where its `alert.raised` stands in `infra.alerts`, when that is known."""

    @property
    def firing(self) -> bool:
        """Whether it is not resolved."""
        return self.resolved_at is None


@dataclass(slots=True)
class Board:
    """Everything as it stands; `fold` takes it further."""

    alerts: dict[UUID, Alert] = field(default_factory=dict)
    silences: dict[UUID, Silence] = field(default_factory=dict)
    maintenance: dict[UUID, Maintenance] = field(default_factory=dict)

    def fold(self, record: Record[AnyRead]) -> None:
        """Take one record of `infra.alerts` or `infra.notifications`; what was taken before changes nothing."""
        event = record.event
        match event:
            case AlertRaised():
                self._raise(event, record.offset)
            case AlertResolved():
                self._resolve(event)
            case AlertAcknowledged():
                self._remark(event.data, Acknowledged(event.data.operator, event.time, event.data.comment))
            case AlertUnacknowledged():
                self._remark(event.data, None)
            case AlertSilenced():
                self.silences[event.data.silence_id] = Silence.of(event.subject, event.data)
            case AlertUnsilenced():
                self.silences.pop(event.data.silence_id, None)
            case MaintenanceStarted():
                self.maintenance[event.data.maintenance_id] = Maintenance.of(event.subject, event.data)
            case MaintenanceEnded():
                self.maintenance.pop(event.data.maintenance_id, None)
            case NotificationRequested():
                self._tell(event)
            case _:
                pass

    def firing(self) -> list[Alert]:
        """The alerts that are not resolved, the worst first, then the newest."""
        return in_order(one for one in self.alerts.values() if one.firing)

    def _raise(self, event: AlertRaised, offset: int) -> None:
        if event.id not in self.alerts:
            raised = alert_of(event.id, event.subject, event.data, raised_at=event.time)
            self.alerts[event.id] = replace(raised, offset=offset)

    def _resolve(self, event: AlertResolved) -> None:
        data = event.data
        known = self.alerts.get(data.alert_id)
        if known is None:
            known = alert_of(data.alert_id, event.subject, data, raised_at=data.raised_at)
        because = data.reason
        self.alerts[known.id] = replace(known, resolved_at=event.time, resolved_because=because, acknowledged=None)

    def _remark(self, data: AlertRemark, remark: Acknowledged | None) -> None:
        known = self.alerts.get(data.alert_id)
        if known is not None and known.firing:
            self.alerts[known.id] = replace(known, acknowledged=remark)

    def _tell(self, event: NotificationRequested) -> None:
        for alert in event.data.alert_ids:
            known = self.alerts.get(alert)
            if known is not None and event.data.receiver not in known.told:
                self.alerts[alert] = replace(known, told=(*known.told, event.data.receiver))


_RANK: dict[Severity, int] = {"critical": 0, "warning": 1, "info": 2}


def in_order(alerts: Iterable[Alert]) -> list[Alert]:
    """Firing before resolved, the worst first, then the newest."""
    return sorted(alerts, key=lambda one: (not one.firing, _RANK[one.severity], -one.raised_at.timestamp(), one.device))


def alert_of(number: UUID, device: str, data: AlertRaisedData | AlertResolvedData, *, raised_at: datetime) -> Alert:
    """The alert that was raised; of one whose `alert.raised` is no longer in the log, what `alert.resolved` says."""
    facts: AlertFacts = data
    raised = data if isinstance(data, AlertRaisedData) else None
    return Alert(
        id=number,
        device=device,
        rule=facts.rule,
        severity=facts.severity,
        summary=data.summary,
        raised_at=raised_at,
        since=raised.since if raised else raised_at,
        rule_revision=facts.rule_revision,
        labels=dict(facts.labels),
        groups=facts.groups,
        parents=facts.parents,
        value=facts.value,
        unit=facts.unit,
        threshold=raised.threshold if raised else None,
        description=raised.description if raised else None,
        runbook=raised.runbook if raised else None,
        evidence=facts.evidence if raised else (),
        historical=facts.historical,
        flapping=facts.flapping,
    )
