"""Reading numbers out of the kernel's text: strict, finite, with the place named when they are not."""

import math
from collections.abc import Iterator

from collectors.errors import ParseError

LARGEST = 2**64 - 1
"""The kernel's counters have at most 64 bits."""


def whole(text: str, *, section: str, line: int | None = None) -> int:
    """Return a counter: ASCII digits, at most 64 bits. ParseError otherwise."""
    if text.isascii() and text.isdigit() and len(text) <= 20:
        value = int(text)
        if value <= LARGEST:
            return value
    raise ParseError("not a whole number of at most 64 bits", section=section, line=line, text=text)


def signed(text: str, *, section: str, line: int | None = None) -> int:
    """Return a whole number that may be negative. ParseError otherwise."""
    return -whole(text[1:], section=section, line=line) if text.startswith("-") else whole(text, section=section)


def decimal(text: str, *, section: str, line: int | None = None) -> float:
    """Return a number such as `0.15`: not negative, finite. ParseError otherwise."""
    head, _, tail = text.partition(".")
    if text.isascii() and head.isdigit() and (not tail or tail.isdigit()) and len(text) <= 40:
        value = float(text)
        if math.isfinite(value):
            return value
    raise ParseError("not a number", section=section, line=line, text=text)


def numbered(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, with their numbers from 1."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line
