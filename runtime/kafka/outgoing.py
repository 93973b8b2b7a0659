"""Events as records to send: key, value, content type and the time of sending."""

from runtime.kafka.producer import Outgoing
from schemas.codec import encode
from schemas.envelope import Envelope
from schemas.headers import event_headers


def outgoing(
    event: Envelope, topic: str, *, sent_ms: int, cause_appended_ms: int | None = None, partition: int | None = None
) -> Outgoing:
    """Return the record of an event sent at `sent_ms` (ms since 1970, the sender's clock)."""
    return outgoing_bytes(
        event.subject,
        encode(event),
        topic=topic,
        sent_ms=sent_ms,
        cause_appended_ms=cause_appended_ms,
        partition=partition,
    )


def outgoing_bytes(
    subject: str,
    value: bytes,
    *,
    topic: str,
    sent_ms: int,
    cause_appended_ms: int | None = None,
    partition: int | None = None,
) -> Outgoing:
    """Return the record of an event that was encoded before, as the spool keeps it."""
    return Outgoing(
        topic=topic,
        key=subject.encode(),
        value=value,
        headers=tuple(event_headers(sent_ms=sent_ms, cause_appended_ms=cause_appended_ms)),
        partition=partition,
    )
