"""Alerts and what was decided about them, as records written by hand: for the tests of the operators' commands."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from schemas.alert import AlertRaised, AlertRaisedData, AlertResolved, AlertResolvedData
from schemas.codec import encode
from schemas.envelope import Envelope
from schemas.fields import Evidence
from schemas.notification import (
    NotificationDelivered,
    NotificationDeliveredData,
    NotificationFailed,
    NotificationFailedData,
    NotificationRequested,
    NotificationRequestedData,
    NotificationSuppressed,
    NotificationSuppressedData,
    SuppressedBecause,
)
from schemas.record import AnyRead, RawRecord, Record, RecordReader

START = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


class Said:
    """Makes events one after the other, with the sequences of their sources; `at` is the time of the next."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at
        self._sent: dict[tuple[str, str], int] = {}

    def raised(self, device: str = "nas", rule: str = "disk_full", **data: Any) -> AlertRaised:
        """An alert of the rule; value, threshold, labels and the like as given."""
        facts: dict[str, Any] = {
            "rule": rule,
            "rule_revision": 3,
            "severity": "warning",
            "labels": {"mountpoint": "/srv"},
            "groups": ("storage",),
            "value": 0.95,
            "unit": "1",
            "threshold": 0.9,
            "since": self.at - timedelta(minutes=5),
            "summary": "/srv is 95% full",
            "evidence": (Evidence(topic="infra.metrics", partition=3, offset=42, id=UUID(int=7)),),
        } | data
        return AlertRaised(**self._derived("alerts-metrics", device), data=AlertRaisedData(**facts))

    def resolved(self, alert: AlertRaised) -> AlertResolved:
        """The end of an alert."""
        facts = alert.data.model_dump(exclude={"threshold", "since", "description", "runbook", "evidence"})
        data = AlertResolvedData(alert_id=alert.id, reason="cleared", raised_at=alert.time, **facts)
        return AlertResolved(**self._derived("alerts-metrics", alert.subject), data=data)

    def requested(self, alert: AlertRaised, receiver: str = "gotify", **data: Any) -> NotificationRequested:
        """A receiver is to be told of it."""
        facts: dict[str, Any] = {
            "receiver": receiver,
            "kind": "raised",
            "alert_ids": (alert.id,),
            "rule": alert.data.rule,
            "severity": alert.data.severity,
            "title": f"[{alert.data.severity}] {alert.data.summary}",
            "body": "it is full",
        } | data
        return NotificationRequested(
            **self._derived("notifications", alert.subject), data=NotificationRequestedData(**facts)
        )

    def suppressed(
        self, alert: AlertRaised, reason: SuppressedBecause, detail: str, **data: Any
    ) -> NotificationSuppressed:
        """Nobody is told of it, or a receiver is not."""
        facts = NotificationSuppressedData(alert_ids=(alert.id,), reason=reason, detail=detail, **data)
        return NotificationSuppressed(**self._derived("notifications", alert.subject), data=facts)

    def delivered(
        self, request: NotificationRequested, message: str = "17", attempts: int = 1
    ) -> NotificationDelivered:
        """The receiver has it."""
        data = NotificationDeliveredData(
            request_id=request.id, receiver=request.data.receiver, attempts=attempts, message_id=message
        )
        return NotificationDelivered(**self._of_sink(request), data=data)

    def failed(self, request: NotificationRequested, message: str = "the token is wrong") -> NotificationFailed:
        """The receiver would not have it."""
        data = NotificationFailedData(
            request_id=request.id, receiver=request.data.receiver, attempts=3, error_code="refused", message=message
        )
        return NotificationFailed(**self._of_sink(request), data=data)

    def _derived(self, derivation: str, device: str) -> dict[str, Any]:
        source = f"/streams/{derivation}"
        self._sent[source, device] = self._sent.get((source, device), 0) + 1
        return {
            "id": uuid4(),
            "source": source,
            "subject": device,
            "time": self.at,
            "sequence": self._sent[source, device],
        }

    def _of_sink(self, request: NotificationRequested) -> dict[str, Any]:
        source = f"/sinks/{request.data.receiver}"
        return {"id": uuid4(), "source": source, "subject": request.subject, "time": self.at}


def records(topic: str, events: Iterable[Envelope], first: int = 0) -> list[Record[AnyRead]]:
    """The events as they would be read from a topic, appended at their time."""
    reader = RecordReader()
    return [
        reader.read(
            RawRecord(
                topic=topic,
                partition=0,
                offset=first + index,
                appended_ms=int(event.time.timestamp() * 1000),
                key=event.subject.encode(),
                value=encode(event),
            )
        )
        for index, event in enumerate(events)
    ]
