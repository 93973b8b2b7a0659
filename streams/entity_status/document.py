"""What was parsed of a configuration file, laid flat, and where two of them differ."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from schemas.config import ConfigDifference
from schemas.fields import Scalar
from streams.entity_status.state import MOST_VALUES

MOST_VALUE = 80
"""Characters of a value that are remembered; of a longer one its beginning, and what tells it from others."""

MOST_PATH = 400
_MOST_INTEGER = 2**53


def remembered(content: Mapping[str, Any] | None) -> dict[str, Scalar] | None:
    """The values of a document by dotted path; None when there are too many of them, or there is no document."""
    if content is None:
        return None
    found: dict[str, Scalar] = {}
    for at, value in _leaves(content, ""):
        if len(found) >= MOST_VALUES:
            return None
        found[_short(at, MOST_PATH)] = _value(value)
    return found


def differences(
    before: Mapping[str, Scalar] | None, after: Mapping[str, Scalar] | None
) -> list[ConfigDifference] | None:
    """Where two documents differ, by path; None when one of them is not remembered."""
    if before is None or after is None:
        return None
    return [
        ConfigDifference(at=at or "-", before=before.get(at), after=after.get(at))
        for at in sorted({*before, *after})
        if before.get(at) != after.get(at)
    ]


def spoken(found: Sequence[ConfigDifference], *, kind: str) -> str:
    """The first differences as a sentence; "" without any."""
    some = "; ".join(_spoken(one, kind) for one in found[:3])
    return some + (f"; and {len(found) - 3} more" if len(found) > 3 else "")


def _spoken(one: ConfigDifference, kind: str) -> str:
    parts = one.at.split(".")
    name = one.at
    if kind == "compose" and parts[0] == "services" and len(parts) > 2:
        name = f"{'.'.join(parts[2:])} of {parts[1]}"
    if one.before is None:
        return f"{name} is new: {one.after}"
    if one.after is None:
        return f"{name} is gone, was {one.before}"
    return f"{name} went from {one.before} to {one.after}"


def _leaves(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    """Values by path; an empty object or list is a value. Recursion is as deep as JSON that was parsed."""
    members: list[tuple[str, Any]] = []
    if isinstance(value, Mapping):
        members = [(str(name), below) for name, below in value.items()]
    elif isinstance(value, list | tuple):
        members = [(str(index), below) for index, below in enumerate(value)]
    if not members:
        yield at, value
        return
    for name, below in members:
        yield from _leaves(below, f"{at}.{name}" if at else name)


def _value(value: Any) -> Scalar:
    match value:
        case bool() | float():
            return value
        case int() if abs(value) < _MOST_INTEGER:
            return value
        case None:
            return "null"
        case str() | int():
            return _short(str(value), MOST_VALUE)
        case _:
            return "(empty)"


def _short(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[: most - 10]}… {sha256(text.encode(errors='replace')).hexdigest()[:8]}"
