"""Lengths of time as people write them in settings and in topics.yaml: `30s`, `15m`, `12h`, `7d`."""

import re
from datetime import timedelta

_FORM = re.compile(r"^(\d+)([smhd])$")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> timedelta:
    """Return the length of time in a text such as `7d`; ValueError otherwise."""
    found = _FORM.match(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a length of time such as 30s, 15m, 12h or 7d")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def written(length: timedelta) -> str:
    """Return a length of time, rounded to seconds, in the largest unit that gives a whole number."""
    seconds = round(length.total_seconds())
    for unit, size in reversed(_UNITS.items()):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
