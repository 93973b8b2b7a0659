"""Bytes to events and back: one JSON document, decoded once."""

from functools import cache
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from schemas.envelope import Envelope
from schemas.metric import MetricCollected
from schemas.metric_look import MetricLook, MetricReader
from schemas.refusal import EventRefused, Reason, refusal_from
from schemas.registry import AnyEvent, Event

MAX_EVENT_BYTES = 1 << 20


def encode(event: Envelope) -> bytes:
    """The event as one JSON document; absent fields are left out. Raises EventRefused above 1 MiB."""
    value = to_json(event, exclude_none=True)
    if len(value) > MAX_EVENT_BYTES:
        raise too_large(len(value))
    return value


def decode(value: bytes) -> Event:
    """The event in a JSON document, unknown fields ignored. Raises EventRefused."""
    if len(value) > MAX_EVENT_BYTES:
        raise too_large(len(value))
    try:
        return _adapter().validate_json(value, extra="ignore")
    except ValidationError as error:
        raise refusal_from(error) from None


def decode_metric(value: bytes, reader: MetricReader) -> MetricLook | Event:
    """Like `decode`, with metric.collected checked in place by the caller's reader. Raises EventRefused."""
    if len(value) > MAX_EVENT_BYTES:
        raise too_large(len(value))
    try:
        document: Any = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise EventRefused(Reason.NOT_JSON, "", str(error)) from None
    if type(document) is dict and document.get("type") == MetricCollected.TYPE:
        return reader.read(document)
    return decode(value)


def too_large(size: int) -> EventRefused:
    """The refusal of an event of `size` bytes."""
    return EventRefused(Reason.TOO_LARGE, "", f"{size} bytes, above the limit of {MAX_EVENT_BYTES}")


@cache
def _adapter() -> TypeAdapter[Event]:
    return TypeAdapter(AnyEvent)
