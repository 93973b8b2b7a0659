"""A dead letter: the original bytes, with where they came from and why they could not be processed, in headers.

Its identity is (consumer, topic, partition, offset); the same letter sent twice counts as one.
"""

from dataclasses import dataclass

from runtime.kafka.producer import Outgoing
from schemas import headers as names
from schemas.headers import Header, header, header_number
from schemas.record import RawRecord
from schemas.refusal import EventRefused
from schemas.registry import DEAD_LETTERS

MAX_MESSAGE_CHARS = 500
"""The message is for people and may quote hostile input: it is cut."""


MOST_ATTEMPTS_TOLD = 1_000_000
"""Headers may say anything."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What could not be processed, by whom, and why; `reason` is a machine's code, `message` a sentence."""

    consumer: str
    origin: RawRecord
    reason: str
    message: str
    failed_at_ms: int
    field: str = ""
    attempts: int = 1

    @property
    def identity(self) -> tuple[str, str, int, int]:
        """Consumer, topic, partition, offset."""
        return (self.consumer, self.origin.topic, self.origin.partition, self.origin.offset)

    @property
    def redriven(self) -> int:
        """How often what failed had been put back before."""
        return header_number(self.origin.headers, names.REDRIVE_ATTEMPT) or 0


def refused(raw: RawRecord, error: EventRefused, *, consumer: str, failed_at_ms: int) -> DeadLetter:
    """Return the dead letter of a record that is no valid event."""
    return DeadLetter(consumer, raw, str(error.reason), error.message, failed_at_ms, field=error.field)


def to_record(letter: DeadLetter) -> Outgoing:
    """Return the record to send to `infra.dead-letters`; one that was put back before counts those attempts too."""
    origin = letter.origin
    headers = [
        *_identity_headers(letter),
        (names.DEAD_APPENDED, b"%d" % origin.appended_ms),
        (names.DEAD_REASON, letter.reason.encode()),
        (names.DEAD_FIELD, letter.field.encode()),
        (names.DEAD_MESSAGE, letter.message[:MAX_MESSAGE_CHARS].encode(errors="replace")),
        (names.DEAD_ATTEMPTS, b"%d" % max(letter.attempts, letter.redriven + 1)),
        (names.DEAD_AT, b"%d" % letter.failed_at_ms),
    ]
    headers += [(names.ORIGINAL_PREFIX + name, value) for name, value in origin.headers]
    # A record with neither key nor value is refused by the client; an empty value says the same of the original.
    value = b"" if origin.key is None and origin.value is None else origin.value
    return Outgoing(DEAD_LETTERS, origin.key, value, tuple(headers))


def to_note(letter: DeadLetter, *, redriven_ms: int) -> Outgoing:
    """Return the note, for `infra.dead-letters` too, that a letter was put back; without the original's bytes."""
    headers = (*_identity_headers(letter), (names.DEAD_REDRIVEN, b"%d" % redriven_ms))
    return Outgoing(DEAD_LETTERS, letter.origin.key, b"", headers)


def noted(raw: RawRecord) -> tuple[tuple[str, str, int, int], int] | None:
    """Return the identity of the letter that a note is about, and when it was put back; None for what is no note."""
    redriven_ms = header_number(raw.headers, names.DEAD_REDRIVEN)
    if redriven_ms is None:
        return None
    partition, offset = header_number(raw.headers, names.DEAD_PARTITION), header_number(raw.headers, names.DEAD_OFFSET)
    if partition is None or offset is None:
        return None
    return (_text(raw, names.DEAD_CONSUMER), _text(raw, names.DEAD_TOPIC), partition, offset), redriven_ms


def from_record(raw: RawRecord) -> DeadLetter | None:
    """Return the dead letter in a record of `infra.dead-letters`; None when its headers are not one."""
    if header(raw.headers, names.DEAD_REDRIVEN) is not None:
        return None
    consumer, topic = _text(raw, names.DEAD_CONSUMER), _text(raw, names.DEAD_TOPIC)
    partition, offset = header_number(raw.headers, names.DEAD_PARTITION), header_number(raw.headers, names.DEAD_OFFSET)
    if not consumer or not topic or partition is None or offset is None or partition >= 1 << 31:
        return None
    prefix = names.ORIGINAL_PREFIX
    return DeadLetter(
        consumer=consumer,
        origin=RawRecord(
            topic=topic,
            partition=partition,
            offset=offset,
            appended_ms=header_number(raw.headers, names.DEAD_APPENDED) or 0,
            key=raw.key,
            value=raw.value,
            headers=tuple((name[len(prefix) :], value) for name, value in raw.headers if name.startswith(prefix)),
        ),
        reason=_text(raw, names.DEAD_REASON),
        message=_text(raw, names.DEAD_MESSAGE),
        failed_at_ms=header_number(raw.headers, names.DEAD_AT) or raw.appended_ms,
        field=_text(raw, names.DEAD_FIELD),
        attempts=min(header_number(raw.headers, names.DEAD_ATTEMPTS) or 1, MOST_ATTEMPTS_TOLD),
    )


def _identity_headers(letter: DeadLetter) -> list[Header]:
    return [
        (names.DEAD_CONSUMER, letter.consumer.encode()),
        (names.DEAD_TOPIC, letter.origin.topic.encode()),
        (names.DEAD_PARTITION, b"%d" % letter.origin.partition),
        (names.DEAD_OFFSET, b"%d" % letter.origin.offset),
    ]


def _text(raw: RawRecord, name: str) -> str:
    return (header(raw.headers, name) or b"").decode(errors="replace")
