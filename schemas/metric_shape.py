"""Looks that are the same but for their envelopes and values, told by their bytes alone.

A source writes each look at a device in the same way: what stands around the values are the same bytes look after
look. So the document is cut at its values: the head (envelope) and the values are decoded, the rest is compared.
A document of which anything is otherwise is not taken here, and is read as a whole.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

_SAMPLES = b',"samples":['
_VALUE = b'"value":'
_VALUES = re.compile(_VALUE + b"([^,]*)")
_MOST_BRACKETS = 190
"""A head with more of them may be nested deeper than the 200 levels pydantic reads: not for us."""


class Head(NamedTuple):
    """The head of a document that is written as this project's senders do: `data` is its last field."""

    document: dict[str, Any]
    """All but the samples."""

    at: int
    """Where the samples begin."""


Shape = tuple[bytes, ...]
"""What stands before, between and behind the values of a look, to the byte, and nothing where the values stand."""


def head_of(value: bytes) -> Head | None:
    """The head of a document, decoded; None where it is not written in our way."""
    at = value.find(_SAMPLES)
    if at < 0 or value.count(b"{", 0, at) + value.count(b"[", 0, at) > _MOST_BRACKETS:
        return None
    try:
        document = orjson.loads(value[:at] + b"}}")
    except orjson.JSONDecodeError:
        return None
    # The samples are cut from the object that is still open at the end of the head: it must be `data`.
    if type(document) is not dict or next(reversed(document), None) != "data":
        return None
    data = document["data"]
    if type(data) is not dict or "samples" in data:
        return None
    return Head(document, at)


def values_in(value: bytes, at: int, shape: Shape) -> list[Any] | None:
    """The values of samples that begin there and have this shape, each one JSON value and no more; None otherwise."""
    numbers = _VALUES.findall(value, at)
    if len(shape) != 2 * len(numbers) + 1:
        return None
    written = list(shape)
    written[1::2] = numbers
    if b"".join(written) != value[at:]:
        return None
    try:
        values: list[Any] = orjson.loads(b"[" + b",".join(numbers) + b"]")
    except orjson.JSONDecodeError:
        return None
    # They hold no comma, so a list of as many values has each of them in its place.
    return values if len(values) == len(numbers) else None


def shape_of(value: bytes, values: Sequence[Any]) -> Shape | None:
    """The shape of a document that was read as a whole, with these values; None where a cut does not tell all of it."""
    head = head_of(value)
    if head is None:
        return None
    *texts, last = _VALUES.split(value[head.at :])[::2]
    shape = (*(piece for text in texts for piece in (text + _VALUE, b"")), last)
    document = orjson.loads(value)
    data = {name: field for name, field in document["data"].items() if name != "samples"}
    whole = {**document, "data": data} == head.document and values_in(value, head.at, shape) == list(values)
    return shape if whole else None
