"""Looks that are the same but for their envelopes and values, told by their bytes alone.

A source writes each look at a device in the same way: what stands around the values are the same bytes look after
look. So the document is cut at its values: the head (envelope) and the values are decoded, the rest is compared.
A document of which anything is otherwise is not taken here, and is read as a whole.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

_SAMPLES = b',"samples":['
_VALUE = b'"value":'
_MOST_BRACKETS = 190
"""A head with more of them may be nested deeper than the 200 levels pydantic reads: not for us."""


class Cut(NamedTuple):
    """A document cut at its values: the head decoded, `data` being its last field and lacking `samples`."""

    document: dict[str, Any]
    texts: list[bytes]
    """What stands behind the values, after the comma that ends each; the first: what stands before them."""

    numbers: list[bytes]


def cut(value: bytes) -> Cut | None:
    """The pieces of a document that is written as this project's senders do; None for any other."""
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
    first, *rest = value[at:].split(_VALUE)
    parts = [piece.partition(b",") for piece in rest]
    texts = [text for _, _, text in parts]
    texts.append(first)
    return Cut(document, texts, [number for number, _, _ in parts])


def numbers_of(found: Cut) -> list[Any] | None:
    """The values between the texts, when each is one JSON value and no more; None otherwise.

    They hold no comma, so a list of as many values has each of them in its place.
    """
    try:
        values: list[Any] = orjson.loads(b"[" + b",".join(found.numbers) + b"]")
    except orjson.JSONDecodeError:
        return None
    return values if len(values) == len(found.numbers) else None


def stands_for(found: Cut, document: dict[str, Any], values: Sequence[Any]) -> bool:
    """Whether a cut tells all of a document: its head is all there is besides the samples, its numbers the values.

    Shown once for a shape, on a document that was read as a whole.
    """
    data = {name: field for name, field in document["data"].items() if name != "samples"}
    return {**document, "data": data} == found.document and numbers_of(found) == list(values)
