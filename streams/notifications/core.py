"""The core of notifications: folds `infra.alerts` into requests, one a receiver for each alert raised or resolved.

An alert that was over before it could be told (`historical`) is suppressed: nobody is told of the past.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.alert import AlertRaised, AlertResolved
from schemas.notification import (
    NotificationRequested,
    NotificationRequestedData,
    NotificationSuppressed,
    NotificationSuppressedData,
)
from schemas.registry import ALERTS, NOTIFICATIONS
from schemas.rules import RulesKind
from streams.derivation import Moment, Output, Step
from streams.notifications.policy import NotificationPolicy
from streams.notifications.text import raised, resolved


@dataclass(frozen=True, slots=True)
class NotificationState:
    """How many requests were made for a device."""

    requested: int = 0


class Notifications:
    """The derivation `notifications`: reads `infra.alerts`, writes `infra.notifications`."""

    name = "notifications"
    table = "notifications"
    source = "/streams/notifications"
    reads = ALERTS
    writes = NOTIFICATIONS
    rules_kind: RulesKind = "notification_policy"
    state_type = NotificationState

    def initial(self) -> NotificationState:
        """Nothing was requested."""
        return NotificationState()

    def read_policy(self, document: Mapping[str, Any] | None, digest: str) -> NotificationPolicy:
        """The policy in a document; the default one without. Raises ValueError."""
        del digest
        return NotificationPolicy.model_validate(document or {})

    def on_record(
        self, state: NotificationState, device: str, at: Moment[NotificationPolicy]
    ) -> Step[NotificationState]:
        """Decide who is told of one alert event."""
        event = at.record.event
        match event:
            case AlertRaised() | AlertResolved() if event.data.historical:
                return Step(state, (_past(event, device, at),))
            case AlertRaised() | AlertResolved():
                outputs = tuple(_request(event, receiver, device=device, at=at) for receiver in at.policy.receivers)
                return Step(NotificationState(state.requested + len(outputs)), outputs)
            case _:
                return Step(state)

    def on_tick(self, state: NotificationState, device: str, at: Moment[NotificationPolicy]) -> Step[NotificationState]:
        """Nothing waits for time."""
        del device, at
        return Step(state)

    def on_rules(
        self, state: NotificationState, device: str, at: Moment[NotificationPolicy]
    ) -> Step[NotificationState]:
        """A new policy holds for what comes; what was requested stays."""
        del device, at
        return Step(state)


def _request(
    event: AlertRaised | AlertResolved, receiver: str, *, device: str, at: Moment[NotificationPolicy]
) -> Output:
    data = event.data
    match event:
        case AlertRaised():
            title, body = raised(device, event.data)
            request = NotificationRequestedData(
                receiver=receiver,
                kind="raised",
                alert_ids=(event.id,),
                rule=data.rule,
                severity=data.severity,
                title=title,
                body=body,
                since=event.data.since,
                runbook=event.data.runbook,
            )
        case AlertResolved():
            title, body = resolved(device, event.data)
            request = NotificationRequestedData(
                receiver=receiver,
                kind="resolved",
                alert_ids=(event.data.alert_id,),
                rule=data.rule,
                severity=data.severity,
                title=title,
                body=body,
                since=event.data.raised_at,
            )
    return Output(at.derive(device, "requested", receiver), NotificationRequested, request)


def _past(event: AlertRaised | AlertResolved, device: str, at: Moment[NotificationPolicy]) -> Output:
    alert_id = event.id if isinstance(event, AlertRaised) else event.data.alert_id
    data = NotificationSuppressedData(
        alert_ids=(alert_id,), reason="historical", detail=f"{event.data.rule} was over before it could be told"
    )
    return Output(at.derive(device, "suppressed"), NotificationSuppressed, data)
