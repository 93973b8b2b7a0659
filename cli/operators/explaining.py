"""Why somebody was told of an alert, or was not: what was decided, in order of time and in words. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from cli.operators.board import Alert, Board
from cli.operators.history import History, Outcome
from cli.operators.log import Decoded
from cli.operators.matchers import scope
from cli.operators.matching import concerns
from schemas.alert import (
    AlertAcknowledged,
    AlertRaised,
    AlertResolved,
    AlertSilenced,
    AlertUnacknowledged,
    AlertUnsilenced,
)
from schemas.fields import Evidence
from schemas.maintenance import MaintenanceEnded, MaintenanceStarted
from schemas.notification import (
    Kind,
    NotificationDelivered,
    NotificationFailed,
    NotificationRequested,
    NotificationSuppressed,
    SuppressedBecause,
)
from schemas.record import AnyRead
from streams.notifications.text import RESOLVED_BECAUSE

BECAUSE: Mapping[SuppressedBecause, str] = {
    "not_configured": "nobody has set that receiver up",
    "silenced": "an operator silenced it",
    "maintenance": "there is maintenance",
    "acknowledged": "somebody has taken it on",
    "inhibited": "another alert says it already",
    "dependency": "something that the device hangs on is down",
    "grouped": "it was over before its group was due to be told",
    "quiet_hours": "these are quiet hours for its severity",
    "rate_limited": "there were too many messages",
    "historical": "it was over before it could be told",
    "no_route": "no route of the policy leads anywhere",
}

KINDS: Mapping[Kind, str] = {
    "raised": "that it was raised",
    "resolved": "that it is over",
    "reminder": "that it still holds",
    "escalation": "that nobody has taken it on",
    "digest": "in a digest",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened to an alert: when, a word for machines, words for people, and where it stands."""

    at: datetime
    what: str
    text: str
    more: tuple[str, ...] = ()
    place: str | None = None
    id: str | None = None

    def document(self) -> dict[str, object]:
        """The entry as plain data."""
        return {
            "time": self.at.isoformat().replace("+00:00", "Z"),
            "what": self.what,
            "text": self.text,
            "more": list(self.more),
            "place": self.place,
            "id": self.id,
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the derivation of notifications has come in `infra.alerts`; `applied` -1: it has not begun."""

    applied: int
    end: int
    group_wait: timedelta = timedelta(0)


def entries_of(history: History, alert: Alert) -> list[Entry]:
    """Everything about the alert in order of time; what has the same time, in the order of the log."""
    found = [*_events(history), *_decisions(history), *_windows(history, alert)]
    return sorted(found, key=lambda entry: entry.at)


def known_alert(history: History, known: Alert | None) -> Alert | None:
    """The alert by its own events in the log, which say the most, and as the board knows it; None when neither does."""
    board = Board()
    for record in [*history.events.values(), *history.decisions.values()]:
        board.fold(record)
    found = board.alerts.get(history.alert)
    if found is None or known is None:
        return found or known
    return replace(found, acknowledged=known.acknowledged, told=known.told, waiting=known.waiting, held=known.held)


def verdict(history: History, alert: Alert, far: Progress) -> list[str]:
    """The answer in a few lines: who was told and who was not, or why nothing was decided yet."""
    requested = [one.event for one in history.decisions.values() if isinstance(one.event, NotificationRequested)]
    held_back = [one.event for one in history.decisions.values() if isinstance(one.event, NotificationSuppressed)]
    if not requested and not held_back:
        return [_nothing_yet(history, alert, far)]
    lines = [f"{receiver} {_told(history, some)}" for receiver, some in _by_receiver(requested).items()]
    return [*lines, *dict.fromkeys(_held_back(history, one, requested) for one in held_back)]


def _held_back(history: History, one: NotificationSuppressed, requested: Iterable[NotificationRequested]) -> str:
    """Who was not told of what, and why: at first, again after he was told, or of the end."""
    data, over = one.data, history.resolved()
    if data.receiver is None:
        return f"{'at times nobody' if requested else 'nobody'} was told: {BECAUSE[data.reason]}"
    told = [of.time for of in requested if of.data.receiver == data.receiver]
    what = ""
    if told and over is not None and one.time >= over.event.time:
        what = " of the end"
    elif told:
        what = " again" if one.time > min(told) else " at first"
    return f"{data.receiver} was not told{what}: {BECAUSE[data.reason]}"


def _by_receiver(requested: Iterable[NotificationRequested]) -> dict[str, list[NotificationRequested]]:
    found: dict[str, list[NotificationRequested]] = {}
    for one in requested:
        found.setdefault(one.data.receiver, []).append(one)
    return found


def _told(history: History, requested: list[NotificationRequested]) -> str:
    ended = {}
    for record in history.outcomes.values():
        event = record.event
        if isinstance(event, Outcome):
            ended[event.data.request_id] = event
    delivered = sum(isinstance(ended.get(one.id), NotificationDelivered) for one in requested)
    failed = sum(isinstance(ended.get(one.id), NotificationFailed) for one in requested)
    refused = sum(isinstance(ended.get(one.id), NotificationSuppressed) for one in requested)
    waiting = len(requested) - delivered - failed - refused
    parts = []
    if delivered:
        parts.append("was told" if delivered == 1 else f"was told {delivered} times")
    if failed:
        parts.append(f"could not be told {'' if failed == 1 else f'{failed} times'}".rstrip())
    if refused:
        parts.append(f"is not set up: {'one message' if refused == 1 else f'{refused} messages'} not sent")
    if waiting:
        parts.append(f"is to be told, and its sink has not said yet what became of it ({waiting})")
    return ", ".join(parts)


def _nothing_yet(history: History, alert: Alert, far: Progress) -> str:
    raised = history.raised()
    if far.applied < 0:
        return "nothing was decided yet, and no streams worker has stored a state: does `infrastructor streams` run?"
    behind = max(0, far.end - 1 - far.applied)
    stands = f"it stands at offset {far.applied} of infra.alerts, {behind} records behind the end"
    if raised is not None and raised.offset > far.applied:
        return (
            f"nothing was decided yet: the streams worker has not come to it, the alert is at {raised.offset}; {stands}"
        )
    if not alert.firing:
        return f"nothing was decided in what was read (--since reads further back); {stands}"
    if alert.waiting:
        return f"nothing was decided yet: {'; '.join(alert.waiting)}; {stands}"
    wait = far.group_wait.total_seconds()
    return f"nothing was decided yet: it waits for others of its group (group_wait, up to {wait:g} s); {stands}"


def _events(history: History) -> Iterator[Entry]:
    for record in history.events.values():
        event = record.event
        match event:
            case AlertRaised():
                yield _entry(record, "raised", _raised(event), more=tuple(_evidence(event.data.evidence)))
            case AlertResolved():
                text = f"resolved: {RESOLVED_BECAUSE[event.data.reason]}"
                yield _entry(record, "resolved", text, more=tuple(_evidence(event.data.evidence)))
            case AlertAcknowledged():
                text = f"{event.data.operator} took it on{_quoted(event.data.comment)}: until it is over, no reminders"
                yield _entry(record, "acknowledged", text)
            case AlertUnacknowledged():
                text = f"{event.data.operator} gave it back{_quoted(event.data.comment)}"
                yield _entry(record, "unacknowledged", text)
            case _:
                pass


def _raised(event: AlertRaised) -> str:
    data = event.data
    text = f"raised by rule {data.rule} (revision {data.rule_revision}), {data.severity}: {data.summary}"
    if data.value is not None:
        text += f"; value {number(data.value, data.unit)}"
        text += f", threshold {number(data.threshold, data.unit)}" if data.threshold is not None else ""
    if event.time - data.since > timedelta(seconds=1):
        text += f"; it began {stamp(data.since)}"
    text += "; historical: it was over before it could be told" if data.historical else ""
    return text + ("; flapping" if data.flapping else "")


def _evidence(evidence: Iterable[Evidence]) -> Iterator[str]:
    for one in evidence:
        yield f"evidence: {one.topic}/{one.partition}@{one.offset}, event {one.id}"


def _decisions(history: History) -> Iterator[Entry]:
    for record in history.decisions.values():
        event = record.event
        if isinstance(event, NotificationRequested):
            data = event.data
            others = len(data.alert_ids) - 1
            together = f", together with {others} other alert{'s' * (others > 1)}" if others else ""
            text = f"{data.receiver} is to be told {KINDS[data.kind]}{together}: {data.title}"
            yield _entry(record, "requested", text)
        elif isinstance(event, NotificationSuppressed):
            yield _entry(record, "suppressed", _suppressed(event))
    for record in history.outcomes.values():
        if isinstance(record.event, Outcome):
            yield _outcome(record, record.event)


def _suppressed(event: NotificationSuppressed) -> str:
    data = event.data
    who = "nobody is told" if data.receiver is None else f"{data.receiver} is not told"
    return f"{who}, {data.reason}: {data.detail}"


def _outcome(record: Decoded, event: Outcome) -> Entry:
    match event:
        case NotificationDelivered():
            data = event.data
            as_ = f" as message {data.message_id}" if data.message_id else ""
            found = ", found there after a crash" if data.already_there else ""
            text = f"{data.receiver} has it{as_} after {_attempts(data.attempts)}{found}"
            return _entry(record, "delivered", text, more=(f"request {data.request_id}",))
        case NotificationFailed():
            failed = event.data
            text = f"{failed.receiver} did not take it after {_attempts(failed.attempts)}: {failed.message}"
            return _entry(record, "failed", f"{text} ({failed.error_code})", more=(f"request {failed.request_id}",))
        case NotificationSuppressed():
            return _entry(record, "not_sent", _suppressed(event), more=(f"request {event.data.request_id}",))
        case _:
            assert_never(event)


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


def _windows(history: History, alert: Alert) -> Iterator[Entry]:
    """The silences and maintenance that meant it; not those that were over before it, or began after it."""
    ended = {_ends(record.event): record.event.time for record in history.windows.values()}
    told: set[UUID] = set()
    for record in history.windows.values():
        event = record.event
        match event:
            case AlertSilenced() if concerns(alert, event.subject, event.data.matchers):
                data = event.data
                if not _met(alert, data.starts_at, data.ends_at, ended=ended.get(data.silence_id)):
                    continue
                told.add(data.silence_id)
                text = f"{data.operator} silenced {scope(event.subject, data.matchers)} until {stamp(data.ends_at)}"
                yield _entry(record, "silenced", text + _quoted(data.comment), more=(f"silence {data.silence_id}",))
            case AlertUnsilenced() if event.data.silence_id in told:
                yield _entry(record, "unsilenced", f"{event.data.operator} ended silence {event.data.silence_id}")
            case MaintenanceStarted() if concerns(alert, event.subject, event.data.matchers, groups=event.data.groups):
                starts_at, ends_at, kept = event.data.starts_at, event.data.ends_at, event.data.maintenance_id
                if not _met(alert, starts_at, ends_at, ended=ended.get(kept)):
                    continue
                told.add(kept)
                yield _entry(record, "maintenance_started", _maintenance(event), more=(f"maintenance {kept}",))
            case MaintenanceEnded() if event.data.maintenance_id in told:
                text = f"{event.data.operator} ended maintenance {event.data.maintenance_id}"
                yield _entry(record, "maintenance_ended", text)
            case _:
                pass


def _ends(event: AnyRead) -> UUID | None:
    match event:
        case AlertUnsilenced():
            return event.data.silence_id
        case MaintenanceEnded():
            return event.data.maintenance_id
        case _:
            return None


def _met(alert: Alert, starts_at: datetime, ends_at: datetime | None, *, ended: datetime | None) -> bool:
    """Whether a window met the alert: as announced, and as it was ended."""
    ends = min((one for one in (ends_at, ended) if one is not None), default=None)
    if ends is not None and ends <= max(starts_at, alert.raised_at):
        return False
    return alert.resolved_at is None or starts_at <= alert.resolved_at


def _maintenance(event: MaintenanceStarted) -> str:
    data = event.data
    end = "until it is ended" if data.ends_at is None else f"until {stamp(data.ends_at)}"
    of = scope(event.subject, data.matchers, data.groups)
    return f"{data.operator} put {of} in maintenance from {stamp(data.starts_at)} {end}{_quoted(data.comment)}"


def _entry(record: Decoded, what: str, text: str, *, more: tuple[str, ...] = ()) -> Entry:
    place = f"{record.topic}/{record.partition}@{record.offset}"
    return Entry(record.event.time, what, text, more, place, str(record.event.id))


def _quoted(comment: str | None) -> str:
    return f' ("{comment}")' if comment else ""


def stamp(at: datetime) -> str:
    """A time as people read it, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def number(value: float, unit: str | None) -> str:
    """A value with its unit; a ratio has none."""
    return f"{value:.6g}" + (f" {unit}" if unit and unit != "1" else "")
