"""Names and forms of the Kafka headers: times are milliseconds since 1970 in ASCII digits."""

from collections.abc import Iterable

CONTENT_TYPE = "content-type"
CLOUDEVENTS_JSON = b"application/cloudevents+json"
SENT = "sent"
"""The sender's clock when it sent the record."""

CAUSE_APPENDED = "cause-appended"
"""On a derived event: the append time of the record that caused it."""

REDRIVE_FOR = "redrive-for"
"""On a redriven record: the one consumer that takes it; the others ignore it."""

REDRIVE_ATTEMPT = "redrive-attempt"
"""On a redriven record: how often it was put back, this time included."""

REDRIVE_HISTORY = "redrive-history"
"""On a redriven record, once for each time it failed: where, when and why, as a JSON object."""

ORIGINAL_PREFIX = "original-"
"""Put before the names of a dead letter's own headers."""

DEAD_CONSUMER = "dl-consumer"
DEAD_TOPIC = "dl-topic"
DEAD_PARTITION = "dl-partition"
DEAD_OFFSET = "dl-offset"
DEAD_APPENDED = "dl-appended"
DEAD_REASON = "dl-reason"
DEAD_FIELD = "dl-field"
DEAD_MESSAGE = "dl-message"
DEAD_ATTEMPTS = "dl-attempts"
DEAD_AT = "dl-failed-at"
DEAD_REDRIVEN = "dl-redriven"
"""On a note beside a dead letter: when (ms) that letter was put back into its topic."""

Header = tuple[str, bytes]


def event_headers(*, sent_ms: int | None = None, cause_appended_ms: int | None = None) -> list[Header]:
    """The headers of an event that is sent now; times in milliseconds since 1970."""
    found: list[Header] = [(CONTENT_TYPE, CLOUDEVENTS_JSON)]
    if sent_ms is not None:
        found.append((SENT, b"%d" % sent_ms))
    if cause_appended_ms is not None:
        found.append((CAUSE_APPENDED, b"%d" % cause_appended_ms))
    return found


def header(headers: Iterable[Header], name: str) -> bytes | None:
    """The last value of a header, or None."""
    found = None
    for key, value in headers:
        if key == name:
            found = value
    return found


def headers_of(headers: Iterable[Header], name: str) -> list[bytes]:
    """All values of a header, in their order."""
    return [value for key, value in headers if key == name]


def header_number(headers: Iterable[Header], name: str) -> int | None:
    """A header's whole number; None when it is absent or no number (a hint is never a reason to refuse)."""
    value = header(headers, name)
    return int(value) if value is not None and value.isdigit() and len(value) < 19 else None
