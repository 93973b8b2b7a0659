"""alert.*: one row an alert, its transitions beside it, and what operators said of it."""

from typing import assert_never

from schemas.alert import AlertAcknowledged, AlertRaised, AlertResolved, AlertUnacknowledged
from sinks.timescale.rows import AlertRow, RemarkRow, Rows, TransitionRow, moment


def project(
    event: AlertRaised | AlertResolved | AlertAcknowledged | AlertUnacknowledged, appended_ms: int, rows: Rows
) -> None:
    """Add what one event says of an alert."""
    match event:
        case AlertRaised():
            rows.raised.append(_raised(event))
            rows.transitions.append(_transition(event, "raised", appended_ms))
        case AlertResolved():
            rows.resolved.append(_resolved(event))
            rows.transitions.append(_transition(event, "resolved", appended_ms))
        case AlertAcknowledged() | AlertUnacknowledged():
            taken_on = isinstance(event, AlertAcknowledged)
            data = event.data
            rows.remarks.append(RemarkRow(data.alert_id, event.time, event.id, taken_on, data.operator, data.comment))
            rows.transitions.append(_remark(event, appended_ms))
        case _:
            assert_never(event)


def _raised(event: AlertRaised) -> AlertRow:
    data = event.data
    return AlertRow(
        alert_id=event.id,
        device_id=event.subject,
        rule=data.rule,
        rule_revision=data.rule_revision,
        severity=data.severity,
        labels=data.labels,
        unit=data.unit,
        raised_at=event.time,
        summary=data.summary,
        historical=data.historical,
        since=data.since,
        value=data.value,
        threshold=data.threshold,
        description=data.description,
        runbook=data.runbook,
    )


def _resolved(event: AlertResolved) -> AlertRow:
    data = event.data
    return AlertRow(
        alert_id=data.alert_id,
        device_id=event.subject,
        rule=data.rule,
        rule_revision=data.rule_revision,
        severity=data.severity,
        labels=data.labels,
        unit=data.unit,
        raised_at=data.raised_at,
        summary=data.summary,
        historical=data.historical,
        resolved_at=event.time,
        resolved_event_id=event.id,
        resolved_reason=data.reason,
        resolved_value=data.value,
    )


def _transition(event: AlertRaised | AlertResolved, transition: str, appended_ms: int) -> TransitionRow:
    data = event.data
    resolved = event if isinstance(event, AlertResolved) else None
    return TransitionRow(
        event_id=event.id,
        time=event.time,
        alert_id=resolved.data.alert_id if resolved else event.id,
        transition=transition,
        device_id=event.subject,
        appended_at=moment(appended_ms),
        rule=data.rule,
        severity=data.severity,
        value=data.value,
        reason=resolved.data.reason if resolved else None,
        evidence=[one.model_dump() for one in data.evidence],
    )


def _remark(event: AlertAcknowledged | AlertUnacknowledged, appended_ms: int) -> TransitionRow:
    return TransitionRow(
        event_id=event.id,
        time=event.time,
        alert_id=event.data.alert_id,
        transition="acknowledged" if isinstance(event, AlertAcknowledged) else "unacknowledged",
        device_id=event.subject,
        appended_at=moment(appended_ms),
        operator=event.data.operator,
        comment=event.data.comment,
    )
