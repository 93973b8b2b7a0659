"""infra.dead-letters: what no consumer could process. These records are no events; headers say what they are."""

from base64 import b64encode
from datetime import datetime

from runtime.kafka.dead_letters import DeadLetter
from schemas.record import RawRecord
from sinks.timescale.rows import LetterRow, moment

KEPT_BYTES = 64 * 1024
"""As much of an original is kept in the table; all of it stays in the topic."""

_LAST_MS = 253_402_300_799_000


def letter_row(letter: DeadLetter, raw: RawRecord) -> LetterRow:
    """The row of a letter that lies at `raw`. Whatever its headers hold, the row can be stored."""
    origin = letter.origin
    return LetterRow(
        consumer=_text(letter.consumer),
        topic=_text(origin.topic),
        partition=origin.partition,
        kafka_offset=origin.offset,
        reason=_text(letter.reason),
        field=_text(letter.field),
        message=_text(letter.message),
        attempts=letter.attempts,
        appended_at=_time(origin.appended_ms),
        failed_at=_time(letter.failed_at_ms) or moment(raw.appended_ms),
        key=_base64(origin.key),
        value=_base64(origin.value),
        value_bytes=None if origin.value is None else len(origin.value),
        headers={
            _text(name): _text((value or b"").decode(errors="backslashreplace")) for name, value in origin.headers
        },
        letter_partition=raw.partition,
        letter_offset=raw.offset,
    )


def _base64(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value[:KEPT_BYTES]).decode()


def _text(value: str) -> str:
    # Anybody may write headers, and no database text can hold a NUL.
    return value.replace("\x00", "\\x00")


def _time(unix_ms: int) -> datetime | None:
    return moment(unix_ms) if 0 < unix_ms <= _LAST_MS else None
