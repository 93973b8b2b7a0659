"""Amounts as the engines' `stats` print them for people: `12.3MiB / 1.9GiB`, `0.52%`, `1m3.5s`.

Source of the formats: github.com/docker/go-units, size.go: four significant digits, multiples of 1000 (`kB`, `MB`) or
of 1024 (`KiB`, `MiB`); Go's time.Duration.String(). `--` stands for what is not known.
"""

import re

from collectors.document import Document

LARGEST = 2**63 - 1
_SIZE = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,9})?(?:e\+[0-9]{2})?) ?([kKMGTPEZY]?)(i?)B?")
_PERCENT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)%?")
_DURATION = re.compile(
    r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m(?!s))?(?:([0-9]{1,9}(?:\.[0-9]{1,9})?)(s|ms|µs|us|ns))?", re.ASCII
)
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6, "Z": 7, "Y": 8}
_SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9}
_UNKNOWN = frozenset({"", "--", "N/A"})


def size_pair(value: Document) -> tuple[int | None, int | None]:
    """Return the bytes of `12.3MiB / 1.9GiB`, as exact as they were printed. ParseError otherwise."""
    text = value.text()
    if text is None or text in _UNKNOWN:
        return None, None
    first, slash, second = text.partition("/")
    if not slash:
        raise value.wrong("two sizes, such as 12.3MiB / 1.9GiB")
    return _size(value, first.strip()), _size(value, second.strip())


def _size(value: Document, text: str) -> int | None:
    if text in _UNKNOWN:
        return None
    match = _SIZE.fullmatch(text)
    if match is None:
        raise value.wrong("two sizes, such as 12.3MiB / 1.9GiB")
    found = float(match[1]) * (1024 if match[3] else 1000) ** _POWERS[match[2]]
    return round(found) if found <= LARGEST else None


def percent(value: Document) -> float | None:
    """Return the ratio of `0.52%`. ParseError otherwise."""
    text = value.text()
    if text is None or text in _UNKNOWN:
        return None
    match = _PERCENT.fullmatch(text)
    if match is None:
        raise value.wrong("a percentage such as 0.52%")
    # 1.38 / 100 is 0.013799999999999998; what was printed has two digits.
    return round(float(match[1]) / 100, 12)


def count(value: Document) -> int | None:
    """Return a whole number, which the engines print as a text. ParseError otherwise."""
    if not isinstance(value.value, str):
        return value.whole()
    if value.value in _UNKNOWN:
        return None
    if not (value.value.isascii() and value.value.isdigit() and len(value.value) <= 18):
        raise value.wrong("a whole number")
    return int(value.value)


def duration(value: Document) -> float | None:
    """Return the seconds of `1m3.5s`. ParseError otherwise."""
    text = value.text()
    if text is None or text in _UNKNOWN:
        return None
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise value.wrong("a duration such as 1m3.5s")
    seconds = float(match[3] or 0) * _SECONDS[match[4] or "s"]
    return int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + seconds
