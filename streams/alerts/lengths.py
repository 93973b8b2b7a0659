"""Lengths of time in rules: `90s`, `10m`, `2h`, `1d`, or a number of seconds."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

from runtime.durations import duration, written


def _read(value: Any) -> Any:
    if isinstance(value, str):
        return duration(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    return value


def _write(length: timedelta) -> str | float:
    """As it is read: what `written` would round is a number of seconds."""
    seconds = length.total_seconds()
    return written(length) if seconds.is_integer() else seconds


Length = Annotated[timedelta, BeforeValidator(_read, json_schema_input_type=str), Field(ge=timedelta(0))]
"""A length of time, not negative."""

WrittenLength = Annotated[Length, PlainSerializer(_write, when_used="json")]
"""The same, written in JSON as people write it. Rules have the other: what they mean is a digest of their JSON."""


def milliseconds(length: timedelta) -> int:
    """The length in whole milliseconds."""
    return length // timedelta(milliseconds=1)
