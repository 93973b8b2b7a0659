"""Lengths of time in rules: `90s`, `10m`, `2h`, `1d`, or a number of seconds."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from runtime.durations import duration


def _read(value: Any) -> Any:
    if isinstance(value, str):
        return duration(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    return value


Length = Annotated[timedelta, BeforeValidator(_read, json_schema_input_type=str), Field(ge=timedelta(0))]
"""A length of time, not negative."""


def milliseconds(length: timedelta) -> int:
    """The length in whole milliseconds."""
    return length // timedelta(milliseconds=1)
