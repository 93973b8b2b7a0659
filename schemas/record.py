"""A record: an event at its place in the log, as every derivation and projection sees it."""

import re
from typing import Generic, NamedTuple, TypeVar

from schemas.codec import decode, decode_metric
from schemas.fields import SUBJECT_PATTERN
from schemas.headers import CAUSE_APPENDED, REDRIVE_FOR, SENT, Header, header, header_number
from schemas.metric_look import MetricLook, MetricReader
from schemas.refusal import EventRefused, Reason
from schemas.registry import METRICS, TYPES_IN, Event

MAX_AHEAD_MS = 600_000
LATE_AFTER_MS = 60_000
_SUBJECT = re.compile(SUBJECT_PATTERN.encode())

AnyRead = Event | MetricLook
"""What a record carries: an event; a metric.collected is read as a `MetricLook`."""

E = TypeVar("E", bound=AnyRead)


# Tuples: of the frozen things that are made for each record, the ones made fastest.
class RawRecord(NamedTuple):
    """What Kafka gave: bytes and their place. `appended_ms` is the broker's append time, in ms since 1970."""

    topic: str
    partition: int
    offset: int
    appended_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()


class Record(NamedTuple, Generic[E]):
    """An event with its place in the log and the three clocks; times in ms since 1970."""

    event: E
    topic: str
    partition: int
    offset: int
    appended_ms: int
    sent_ms: int | None = None
    cause_appended_ms: int | None = None
    redrive_for: str | None = None

    @property
    def event_ms(self) -> int:
        """Event time in ms since 1970."""
        return int(self.event.time.timestamp() * 1000)

    @property
    def late(self) -> bool:
        """Whether it was sent more than 60 s after its event time, by the sender's own clock."""
        return self.sent_ms is not None and self.sent_ms - self.event_ms > LATE_AFTER_MS


class RecordReader:
    """Checks and decodes what Kafka gave. One a consumer: it remembers the shapes of metric looks to be fast."""

    def __init__(self) -> None:
        self._metrics = MetricReader()

    def read(self, raw: RawRecord) -> Record[AnyRead]:
        """The record with its event; raises EventRefused with the reason and the field."""
        if not raw.value:
            raise EventRefused(Reason.EMPTY, "", "a record without a value")
        event = decode_metric(raw.value, self._metrics) if raw.topic == METRICS else decode(raw.value)
        _check_place(raw, event)
        redrive = header(raw.headers, REDRIVE_FOR) if raw.headers else None
        return Record(
            event=event,
            topic=raw.topic,
            partition=raw.partition,
            offset=raw.offset,
            appended_ms=raw.appended_ms,
            sent_ms=header_number(raw.headers, SENT),
            cause_appended_ms=header_number(raw.headers, CAUSE_APPENDED),
            redrive_for=redrive.decode(errors="replace") if redrive is not None else None,
        )


def _check_place(raw: RawRecord, event: AnyRead) -> None:
    if event.type not in TYPES_IN.get(raw.topic, frozenset()):
        raise EventRefused(Reason.WRONG_TOPIC, "type", f"{event.type} does not belong in {raw.topic}")
    if raw.key != event.subject.encode():
        # What is no subject may be anything, and is not quoted.
        key = f"the key {raw.key.decode()}" if raw.key is not None and _SUBJECT.fullmatch(raw.key) else "another key"
        key = "no key" if raw.key is None else key
        raise EventRefused(Reason.KEY_MISMATCH, "subject", f"{event.subject} was sent with {key}")
    ahead_ms = event.time.timestamp() * 1000 - raw.appended_ms
    if ahead_ms > MAX_AHEAD_MS:
        raise EventRefused(
            Reason.TIME_AHEAD, "time", f"{event.time.isoformat()} is {ahead_ms / 1000:.0f} s ahead of its append time"
        )
