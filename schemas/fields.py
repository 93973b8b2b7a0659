"""Field types that every event family shares: times, ids, names, bounded texts and numbers."""

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints
from pydantic_core import PydanticCustomError

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", re.ASCII)

DEVICE_ID_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"
SUBJECT_PATTERN = r"^(?:[a-z0-9][a-z0-9._-]{0,62}|_fleet|_partition-[0-9]{1,5})$"
METRIC_NAME_PATTERN = r"^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*$"
LABEL_NAME_PATTERN = r"^[a-zA-Z_][a-zA-Z0-9_.]*$"
NO_NUL = r"^[^\x00]*$"
"""Any text without a NUL character, which no database text can hold."""


class Part(BaseModel):
    """A piece of an event: frozen, strict, built with unknown fields forbidden."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True, allow_inf_nan=False)


def broken_rule(field: str, sentence: str) -> PydanticCustomError:
    """The error of a rule over several fields, naming the one that a reader should look at."""
    return PydanticCustomError("broken_rule", "{sentence}", {"sentence": sentence, "field": field})


def parse_time(value: Any) -> datetime:
    """An RFC 3339 text, or an aware datetime, as UTC with microseconds; naive or other values raise ValueError."""
    if isinstance(value, str):
        if _RFC3339.fullmatch(value) is None:
            raise ValueError("not an RFC 3339 time with an offset, like 2026-11-21T02:00:00Z")
        value = datetime.fromisoformat(value.upper())
    if not isinstance(value, datetime):
        raise ValueError("not an RFC 3339 time with an offset, like 2026-11-21T02:00:00Z")
    if value.utcoffset() is None:
        raise ValueError("a time without an offset: say which, for UTC with a Z")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time outside the years 1 to 9999") from None


def parse_uuid(value: Any) -> UUID:
    """A UUID in its canonical text form (RFC 9562, section 4), or a UUID; anything else raises ValueError."""
    if isinstance(value, UUID):
        return value
    if isinstance(value, str) and _UUID.fullmatch(value) is not None:
        return UUID(value)
    raise ValueError("not a UUID in its canonical form of 36 characters")


def _storable(document: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Refuse what no JSON store holds: numbers that are not finite (pydantic reads 1e999 as infinity here), and NUL."""
    rest: list[JsonValue] = [document]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            rest.extend(value)
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError("a number that is not finite")
        elif isinstance(value, str) and "\x00" in value:
            raise ValueError("a NUL character, which no database text can hold")
    return document


UtcTime = Annotated[datetime, BeforeValidator(parse_time, json_schema_input_type=datetime)]
"""An instant in UTC. RFC 3339 on the wire."""

EventId = Annotated[UUID, BeforeValidator(parse_uuid, json_schema_input_type=UUID)]
DeviceId = Annotated[str, StringConstraints(pattern=DEVICE_ID_PATTERN)]
Subject = Annotated[str, StringConstraints(pattern=SUBJECT_PATTERN)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=NO_NUL)]
"""What something is called: 1 to 255 characters."""

Text = Annotated[str, StringConstraints(max_length=4096, pattern=NO_NUL)]
"""A sentence or a short paragraph: at most 4096 characters."""

LongText = Annotated[str, StringConstraints(max_length=262_144, pattern=NO_NUL)]
"""A document, such as a diff: at most 256 KiB characters."""

Document = Annotated[dict[str, JsonValue], AfterValidator(_storable)]
"""A free JSON object; its numbers are finite, its texts without NUL."""

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""A word for machines, such as `ssh_unreachable`."""

Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9 _.:+-]{0,63}$")]
"""A state as a program names it, in lower case: `running`, `auto-restart`, `degraded`. Open: programs add new ones."""

Line = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=NO_NUL)]
"""A reference or an address: 1 to 1024 characters."""

Path = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=NO_NUL)]
"""A file's path: 1 to 4096 characters (PATH_MAX)."""

MetricName = Annotated[str, StringConstraints(pattern=METRIC_NAME_PATTERN, max_length=255)]
LabelName = Annotated[str, StringConstraints(pattern=LABEL_NAME_PATTERN, max_length=128)]
LabelValue = Annotated[str, StringConstraints(max_length=1024, pattern=NO_NUL)]
Labels = Annotated[dict[LabelName, LabelValue], Field(max_length=32)]
"""Up to 32 labels; names of letters, digits, `_` and `.`, values up to 1024 characters."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Bytes = Annotated[int, Field(ge=0, le=2**63 - 1)]
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
Ratio = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Sequence = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""A place in a stream of events; the upper bound is that of a CloudEvents Integer."""

Port = Annotated[int, Field(ge=1, le=65535)]
Scalar = bool | int | Finite | Text
Facts = Annotated[dict[Name, Scalar], Field(max_length=64)]
"""A few named values, such as `{"state": "exited", "exit_code": 137}`; what is not known is left out."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Evidence(Part):
    """An event of the log that decided something: where it stands and which it is."""

    topic: Name
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    id: EventId
