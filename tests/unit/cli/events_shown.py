"""Records as the live view meets them, built by hand."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from schemas.alert import AlertRaised, AlertRaisedData, AlertResolved, AlertResolvedData
from schemas.collection import CollectionCompleted, CollectionCompletedData, CollectionFailed, CollectionFailedData
from schemas.device import DeviceStatusChanged, DeviceStatusData
from schemas.envelope import Envelope
from schemas.identity import agent_source
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.metric_look import MetricLook, Series, series_key
from schemas.notification import (
    NotificationRequested,
    NotificationRequestedData,
    NotificationSuppressed,
    NotificationSuppressedData,
)
from schemas.record import AnyRead, RawRecord, Record

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EPOCH = UUID("01234567-89ab-7def-8123-456789abcdef")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def ms(seconds: float) -> int:
    return int(at(seconds).timestamp() * 1000)


def record(event: AnyRead, topic: str = "infra.any", *, seconds: float = 0, offset: int = 0) -> Record[AnyRead]:
    return Record(event=event, topic=topic, partition=0, offset=offset, appended_ms=ms(seconds))


def raw(event: Envelope, topic: str, *, seconds: float = 0, offset: int = 0) -> RawRecord:
    value = event.model_dump_json(exclude_none=True).encode()
    return RawRecord(topic, 0, offset, ms(seconds), event.subject.encode(), value)


def status(device: str, now: str, before: str = "unknown", *, seconds: float = 0) -> DeviceStatusChanged:
    data = DeviceStatusData.model_validate(
        {"previous": before, "status": now, "reason": "why", "summary": f"it is {now}", "since": at(seconds)}
    )
    return DeviceStatusChanged(
        id=uuid4(), source="/streams/device_status", subject=device, time=at(seconds), sequence=1, data=data
    )


def raised(device: str = "box", *, seconds: float = 0) -> AlertRaised:
    data = AlertRaisedData(
        rule="cpu_high", rule_revision=1, severity="warning", since=at(seconds), summary="cpu at 93%"
    )
    return AlertRaised(
        id=uuid4(), source="/streams/alerts-metrics", subject=device, time=at(seconds), sequence=1, data=data
    )


def resolved(alert: AlertRaised, *, seconds: float = 0) -> AlertResolved:
    data = AlertResolvedData(
        rule=alert.data.rule,
        rule_revision=1,
        severity="warning",
        alert_id=alert.id,
        reason="cleared",
        raised_at=alert.time,
        summary="cpu is fine",
    )
    return AlertResolved(
        id=uuid4(), source="/streams/alerts-metrics", subject=alert.subject, time=at(seconds), sequence=2, data=data
    )


def requested(alert: AlertRaised) -> NotificationRequested:
    data = NotificationRequestedData(
        receiver="gotify", kind="raised", alert_ids=(alert.id,), severity="warning", title="cpu high", body="…"
    )
    return NotificationRequested(
        id=uuid4(), source="/streams/notifications", subject=alert.subject, time=alert.time, sequence=1, data=data
    )


def suppressed(request: NotificationRequested) -> NotificationSuppressed:
    data = NotificationSuppressedData(
        alert_ids=request.data.alert_ids,
        reason="not_configured",
        detail="no Gotify",
        receiver="gotify",
        request_id=request.id,
    )
    return NotificationSuppressed(
        id=uuid4(), source="/sinks/gotify", subject=request.subject, time=request.time, data=data
    )


def metrics(*samples: Sample, device: str = "box", seconds: float = 0) -> MetricCollected:
    return MetricCollected(
        id=uuid4(),
        source=agent_source("box", EPOCH, "system"),
        subject=device,
        time=at(seconds),
        sequence=1,
        data=MetricCollectedData(collector="system", samples=samples),
    )


def look(samples: list[tuple[str, dict[str, str], float]], *, device: str = "box", seconds: float = 0) -> MetricLook:
    series = []
    for name, labels, _ in samples:
        ordered = tuple(sorted(labels.items()))
        series.append(Series(name, "1", ordered, series_key(name, ordered)))
    return MetricLook(
        id=uuid4(),
        source=agent_source("box", EPOCH, "system"),
        subject=device,
        time=at(seconds),
        sequence=1,
        correlationid=None,
        causationid=None,
        collector="system",
        interval_seconds=10,
        series=tuple(series),
        values=[value for _, _, value in samples],
    )


def failed(collector: str, message: str, how: str = "error", *, device: str = "box") -> CollectionFailed:
    data = CollectionFailedData.model_validate(
        {
            "collector": collector,
            "duration_seconds": 0.1,
            "shortest_interval_seconds": 10,
            "status": how,
            "error_code": "failed",
            "message": message,
        }
    )
    source = agent_source("box", EPOCH, collector)
    return CollectionFailed(id=uuid4(), source=source, subject=device, time=at(0), sequence=1, data=data)


def completed(collector: str, *, device: str = "box") -> CollectionCompleted:
    data = CollectionCompletedData(collector=collector, duration_seconds=0.1, shortest_interval_seconds=10)
    source = agent_source("box", EPOCH, collector)
    return CollectionCompleted(id=uuid4(), source=source, subject=device, time=at(0), sequence=1, data=data)
