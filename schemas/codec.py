"""Bytes to events and back: one JSON document, decoded once."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, NoReturn

import orjson
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from schemas.envelope import Envelope
from schemas.metric import MetricCollected
from schemas.metric_look import MetricLook, MetricReader
from schemas.refusal import EventRefused, Reason, refusal_from
from schemas.registry import AnyEvent, Event
from schemas.upcast import UPCASTERS, Upcaster, upcast

MAX_EVENT_BYTES = 1 << 20

_SPARE_BRACKETS = 190
"""Two brackets a sample and fewer than this beside them cannot be nested deeper than the 200 levels pydantic reads.

orjson goes further, so what has more is shown to both.
"""


def encode(event: Envelope) -> bytes:
    """The event as one JSON document; absent fields are left out. Raises EventRefused above 1 MiB."""
    value = to_json(event, exclude_none=True)
    if len(value) > MAX_EVENT_BYTES:
        raise too_large(len(value))
    return value


def decode(value: bytes, upcasters: Mapping[str, Upcaster] = UPCASTERS) -> Event:
    """The event in a JSON document, unknown fields ignored, an earlier major brought up. Raises EventRefused."""
    if len(value) > MAX_EVENT_BYTES:
        raise too_large(len(value))
    try:
        event = _validated(value)
    except EventRefused as refused:
        newer = _upcast(value, upcasters) if upcasters and refused.reason is Reason.UNKNOWN_TYPE else None
        if newer is None:
            raise
        event = _validated(newer)
    if b"NaN" in value or b"Infinity" in value:
        _refuse_constants(value)
    return event


def decode_metric(value: bytes, reader: MetricReader) -> MetricLook | Event:
    """Like `decode`, with metric.collected checked in place by the caller's reader. Raises EventRefused.

    What orjson does not take (a number beyond a double in a field we do not know) and what is of an earlier major goes
    the long way, so that both ways accept the same.
    """
    if len(value) > MAX_EVENT_BYTES:
        raise too_large(len(value))
    if (alike := reader.read_alike(value)) is not None:
        return alike
    try:
        document: Any = orjson.loads(value)
    except orjson.JSONDecodeError:
        document = None
    if type(document) is dict and document.get("type") == MetricCollected.TYPE:
        look = reader.read(document)
        if _brackets(value) > 2 * len(look.series) + _SPARE_BRACKETS:
            decode(value)
        reader.learn(value, look)
        return look
    event = decode(value)
    return reader.read(orjson.loads(encode(event))) if isinstance(event, MetricCollected) else event


def too_large(size: int) -> EventRefused:
    """The refusal of an event of `size` bytes."""
    return EventRefused(Reason.TOO_LARGE, "", f"{size} bytes, above the limit of {MAX_EVENT_BYTES}")


def _brackets(value: bytes) -> int:
    """How many objects and lists a text opens at most: brackets in its texts count too."""
    only_one_list = value.find(b"[") == value.rfind(b"[")  # searching is faster than counting
    return value.count(b"{") + (1 if only_one_list else value.count(b"["))


def _validated(value: bytes) -> Event:
    try:
        return _adapter().validate_json(value, extra="ignore")
    except ValidationError as error:
        raise refusal_from(error) from None


def _upcast(value: bytes, upcasters: Mapping[str, Upcaster]) -> bytes | None:
    """The document at a newer major; None when there is no way to one. Raises EventRefused when it is malformed."""
    try:
        document = orjson.loads(value)
        newer = upcast(document, upcasters)
        return None if newer is document else orjson.dumps(newer)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # An upcaster sees the document before any model has checked it.
        message = f"cannot be brought to the next major: {type(error).__name__}: {error}"
        raise EventRefused(Reason.INVALID_FIELD, "data", message) from None


def _refuse_constants(value: bytes) -> None:
    """Refuse NaN and Infinity, which pydantic reads in fields that it does not know: they are no JSON (RFC 8259)."""
    json.loads(value, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    raise EventRefused(Reason.NOT_JSON, "", f"{name} is no JSON number")


@cache
def _adapter() -> TypeAdapter[Event]:
    return TypeAdapter(AnyEvent)
