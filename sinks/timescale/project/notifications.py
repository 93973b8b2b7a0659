"""notification.*: the ledger of who was to be told what, and what became of it."""

from typing import assert_never

from schemas.notification import (
    NotificationDelivered,
    NotificationFailed,
    NotificationRequested,
    NotificationSuppressed,
)
from sinks.timescale.rows import OutcomeRow, RequestRow, Rows


def project(
    event: NotificationRequested | NotificationSuppressed | NotificationDelivered | NotificationFailed, rows: Rows
) -> None:
    """Add a request, or what became of one; a suppression without a request is a row of its own."""
    match event:
        case NotificationRequested():
            rows.requests.append(_request(event))
        case NotificationSuppressed():
            rows.outcomes.append(_suppressed(event))
        case NotificationDelivered(data=delivered):
            rows.outcomes.append(
                OutcomeRow(
                    notification_id=delivered.request_id,
                    device_id=event.subject,
                    receiver=delivered.receiver,
                    outcome="delivered",
                    outcome_at=event.time,
                    outcome_event_id=event.id,
                    attempts=delivered.attempts,
                    message_id=delivered.message_id,
                    already_there=delivered.already_there,
                )
            )
        case NotificationFailed(data=failed):
            rows.outcomes.append(
                OutcomeRow(
                    notification_id=failed.request_id,
                    device_id=event.subject,
                    receiver=failed.receiver,
                    outcome="failed",
                    outcome_at=event.time,
                    outcome_event_id=event.id,
                    attempts=failed.attempts,
                    reason=failed.error_code,
                    detail=failed.message,
                )
            )
        case _:
            assert_never(event)


def _suppressed(event: NotificationSuppressed) -> OutcomeRow:
    data = event.data
    return OutcomeRow(
        notification_id=data.request_id or event.id,
        device_id=event.subject,
        receiver=data.receiver,
        outcome="suppressed",
        outcome_at=event.time,
        outcome_event_id=event.id,
        alert_ids=data.alert_ids,
        reason=data.reason,
        detail=data.detail,
    )


def _request(event: NotificationRequested) -> RequestRow:
    data = event.data
    return RequestRow(
        notification_id=event.id,
        device_id=event.subject,
        receiver=data.receiver,
        alert_ids=data.alert_ids,
        requested_at=event.time,
        kind=data.kind,
        rule=data.rule,
        severity=data.severity,
        title=data.title,
        body=data.body,
        since=data.since,
        runbook=data.runbook,
    )
