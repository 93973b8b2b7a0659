"""Values as `systemctl show` prints them: times, spans of time, counts that may be `[not set]`.

Source of the formats: systemd.time(7), and format_timespan(), format_timestamp() in its src/basic/time-util.c.
"""

import re
from datetime import UTC, datetime, timedelta

from collectors.errors import ParseError
from collectors.system.reading import whole

_NONE = frozenset({"", "n/a", "-", "0", "infinity", "[not set]", "[no data]"})
LARGEST = 2**63 - 1

_UTC = re.compile(r"(?:[A-Z][a-z]{2} )?(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?) (?:UTC|GMT)", re.ASCII)
_ELSEWHERE = re.compile(r"(?:[A-Z][a-z]{2} )?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})? \S{1,10}", re.ASCII)
_UNIX = re.compile(r"@(\d{1,12})(?:\.\d{1,6})?", re.ASCII)
_PIECE = re.compile(r"(\d{1,15})(?:\.(\d{1,6}))?(us|ms|s|min|h|d|w|month|y)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Microseconds; a month and a year are averages, as in systemd.
_UNITS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
    "month": 2_629_800_000_000,
    "y": 31_557_600_000_000,
}


def span(text: str, *, section: str) -> int | None:
    """Return the microseconds of `1h 9min 18.881587s`; None when there is none. ParseError otherwise."""
    if text in _NONE:
        return None
    total = 0
    for piece in text.split(" ", 16):
        match = _PIECE.fullmatch(piece)
        if match is None:
            raise ParseError("not a span of time such as 1h 9min 18.88s", section=section, text=text)
        unit = _UNITS[match[3]]
        total += int(match[1]) * unit
        if match[2]:
            total += int(match[2]) * unit // 10 ** len(match[2])
    return total


def moment(text: str, *, section: str) -> datetime | None:
    """Return the instant of `Sat 2026-11-21 02:59:13 UTC`; None when there is none, or it is in another zone.

    Versions before 237 print some instants as the span since 1970. ParseError otherwise.
    """
    if text in _NONE:
        return None
    try:
        if match := _UTC.fullmatch(text):
            return datetime.fromisoformat(f"{match[1]}T{match[2]}+00:00")
        if match := _UNIX.fullmatch(text):
            return _EPOCH + timedelta(seconds=int(match[1]))
        # The abbreviation of a zone does not say which it is.
        if _ELSEWHERE.fullmatch(text):
            return None
        return since_1970(span(text, section=section), section=section)
    except (ValueError, OverflowError):
        raise ParseError("not a time", section=section, text=text) from None


def since_1970(microseconds: int | None, *, section: str) -> datetime | None:
    """Return the instant so many microseconds after 1970. ParseError when it is after the year 9999."""
    if microseconds is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        raise ParseError("a time after the year 9999", section=section, text=str(microseconds)) from None


def count(text: str, *, section: str) -> int | None:
    """Return a whole number; None when it is not set, which is 2^64 - 1 before version 239. ParseError otherwise."""
    if text in _NONE and text != "0":
        return None
    value = whole(text, section=section)
    return value if value <= LARGEST else None
