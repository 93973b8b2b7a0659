"""The pure steps that carry the view from one record or poll to the next.

Nothing here reads a clock, a file or the network. Times in ms since 1970 are the broker's append times.
"""

from dataclasses import replace

from cli.up.host import look_at
from cli.up.model import RATE_SECONDS, Alert, Device, Note, Notification, View
from runtime.kafka.dead_letters import DeadLetter
from schemas.alert import AlertRaised, AlertResolved
from schemas.clock import ClockTicked
from schemas.collection import CollectionCompleted, CollectionFailed
from schemas.device import DeviceRegistered, DeviceRetired, DeviceStatusChanged, DeviceUpdated
from schemas.gap import GapClosed, GapDetected
from schemas.metric_look import MetricLook
from schemas.notification import (
    NotificationDelivered,
    NotificationFailed,
    NotificationRequested,
    NotificationSuppressed,
)
from schemas.record import AnyRead, Record
from schemas.rules import RulesLoaded
from streams.notifications.text import named

_NOTIFICATIONS_KEPT = 100
_NOTES_KEPT = 200


def note(view: View, text: str) -> View:
    """Add a line worth saying."""
    number = view.notes[-1].number + 1 if view.notes else 1
    return replace(view, notes=(*view.notes[-_NOTES_KEPT + 1 :], Note(number, text)))


def fold(view: View, record: Record[AnyRead], *, fresh: bool = True) -> View:
    """Take in one record; one that is not `fresh` (from before this start) is shown, but neither counted nor noted."""
    event = record.event
    if isinstance(event, ClockTicked | RulesLoaded):
        return view
    after = _take(view, record)
    if not fresh:
        return replace(after, notes=view.notes, dead_letters=view.dead_letters)
    second = record.appended_ms // 1000
    kept = {at: count for at, count in view.by_second.items() if at >= second - 2 * RATE_SECONDS}
    kept[second] = kept.get(second, 0) + 1
    return replace(after, events=view.events + 1, by_second=kept)


def fold_dead_letter(view: View, letter: DeadLetter) -> View:
    """Take in one dead letter of this run."""
    origin = letter.origin
    where = f"{origin.topic}/{origin.partition}@{origin.offset}"
    return note(
        replace(view, dead_letters=view.dead_letters + 1),
        f"dead letter: {letter.consumer} could not process {where}: {letter.reason}",
    )


def _take(view: View, record: Record[AnyRead]) -> View:
    match record.event:
        case MetricLook() as look:
            view = _heard(replace(view, host=look_at(view.host, look)), look.subject, record)
        case CollectionCompleted() as event if event.data.status == "success":
            # A cached or skipped answer is no sign of life.
            view = _recovered(_heard(view, event.subject, record), event)
        case CollectionFailed() as event:
            view = _failed(view, event)
        case DeviceRegistered() | DeviceUpdated() | DeviceRetired() as event:
            view = _device(view, event)
        case DeviceStatusChanged() as event:
            view = _status(view, event)
        case AlertRaised() | AlertResolved() as event:
            view = _alert(view, event)
        case NotificationRequested() as request:
            view = _request(view, request)
        case NotificationDelivered() | NotificationFailed() | NotificationSuppressed() as outcome:
            view = _outcome(view, outcome)
        case GapDetected() | GapClosed() as event:
            view = _gap(view, event)
        case _:
            pass
    return view


def _device(view: View, event: DeviceRegistered | DeviceUpdated | DeviceRetired) -> View:
    known = view.devices.get(event.subject, Device(event.subject))
    if isinstance(event, DeviceRetired):
        return _with_device(view, replace(known, status="retired", reason=event.data.reason, since=event.time))
    os = event.data.os.name if event.data.os else None
    described = ", ".join(part for part in (os, event.data.kernel, event.data.architecture) if part)
    return _with_device(view, replace(known, described=described))


def _gap(view: View, event: GapDetected | GapClosed) -> View:
    data = event.data
    if isinstance(event, GapClosed):
        return note(view, f"gap closed: {data.subject} in {data.topic}")
    return note(view, f"gap: {event.data.count} events of {data.subject} in {data.topic} ({event.data.reason})")


def _failed(view: View, event: CollectionFailed) -> View:
    """A failure is noted when it is another than before; a device that does not answer once for all its collectors."""
    data = event.data
    away = data.status == "unreachable"
    key, message = (event.subject, "" if away else data.collector), data.message
    if view.failing.get(key) == message:
        return view
    told = f"{event.subject} cannot be reached" if away else f"{event.subject}: {data.collector} failed"
    return note(replace(view, failing={**view.failing, key: message}), f"{told}: {message}")


def _recovered(view: View, event: CollectionCompleted) -> View:
    over = {(event.subject, ""), (event.subject, event.data.collector)} & view.failing.keys()
    if not over:
        return view
    return replace(view, failing={key: why for key, why in view.failing.items() if key not in over})


def _heard(view: View, device: str, record: Record[AnyRead]) -> View:
    known = view.devices.get(device, Device(device))
    return _with_device(view, replace(known, seen_ms=max(known.seen_ms, record.appended_ms)))


def _status(view: View, event: DeviceStatusChanged) -> View:
    data = event.data
    known = view.devices.get(event.subject, Device(event.subject))
    changed = replace(known, status=data.status, reason=data.reason, summary=data.summary, since=data.since)
    return note(_with_device(view, changed), f"{event.subject} is {data.status} (was {data.previous}): {data.summary}")


def _alert(view: View, event: AlertRaised | AlertResolved) -> View:
    data = event.data
    alerts = dict(view.alerts)
    if isinstance(event, AlertRaised):
        alerts[event.id] = Alert(event.id, event.subject, data.rule, data.severity, data.summary, event.data.since)
        return note(
            replace(view, alerts=alerts), f"alert raised ({data.severity}): {named(event.subject, data.summary)}"
        )
    alerts.pop(event.data.alert_id, None)
    told = f"alert resolved ({event.data.reason}): {named(event.subject, data.summary)}"
    return note(replace(view, alerts=alerts), told)


def _request(view: View, event: NotificationRequested) -> View:
    entry = Notification(event.id, event.time, event.data.receiver, event.data.title)
    known = view.notifications.get(event.id)
    if known is not None:
        # Seen before: read again after a broken connection, or its outcome came first.
        entry = replace(entry, outcome=known.outcome, detail=known.detail)
    return _with_notification(view, entry)


def _outcome(view: View, event: NotificationDelivered | NotificationFailed | NotificationSuppressed) -> View:
    match event:
        case NotificationDelivered():
            outcome, detail = "delivered", f"after {event.data.attempts} attempts" if event.data.attempts > 1 else ""
        case NotificationFailed():
            outcome, detail = "failed", event.data.message
        case NotificationSuppressed():
            outcome, detail = "suppressed", event.data.reason
    request_id = event.data.request_id or event.id
    known = view.notifications.get(request_id, Notification(request_id, event.time, receiver="", title=""))
    entry = replace(known, outcome=outcome, detail=detail)
    said = f" ({detail})" if detail else ""
    return note(_with_notification(view, entry), f"notification {outcome}{said}: {known.title or request_id}")


def _with_device(view: View, device: Device) -> View:
    return replace(view, devices={**view.devices, device.id: device})


def _with_notification(view: View, entry: Notification) -> View:
    kept = dict(view.notifications)
    kept[entry.request_id] = entry
    while len(kept) > _NOTIFICATIONS_KEPT:
        del kept[next(iter(kept))]
    return replace(view, notifications=kept)
