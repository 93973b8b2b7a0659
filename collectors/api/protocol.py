"""What is said over the socket. One line asks, then come a line for each event, one for the raw output, one that ends.

{"ask":"collect","collector":"system","device":"web-1","force":false,"raw":false}
{"event":{...}}
{"raw":"..."}
{"ended":{"status":"success",...}}         or {"refused":{"error_code":"input_invalid","message":"...",...}}
"""

from collections.abc import Iterator
from typing import Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collectors.front import Served
from runtime.errors import InfrastructorError, InputInvalid

LONGEST_REQUEST_BYTES = 16_384


class Request(BaseModel):
    """One look, please. Without `device` it is the agent's own machine."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    ask: Literal["collect"] = "collect"
    collector: str = Field(max_length=64)
    device: str | None = Field(default=None, max_length=63)
    force: bool = False
    raw: bool = False
    requested_by: Literal["operator", "api"] = "operator"


class Ended(BaseModel):
    """How it ended: `cached` with the age of the answer, else as the look did."""

    model_config = ConfigDict(frozen=True)

    status: Literal["success", "cached", "skipped", "error", "timeout", "unreachable"]
    device: str
    collector: str
    correlation: UUID
    duration_seconds: float
    age_seconds: float | None = None
    error_code: str | None = None
    message: str | None = None


class Refused(BaseModel):
    """Nothing was looked at: what was asked makes no sense, or is too much."""

    model_config = ConfigDict(frozen=True)

    error_code: str
    message: str
    exit_code: int


class Line(BaseModel):
    """A line of the answer, read: one of these."""

    model_config = ConfigDict(frozen=True)

    raw: str | None = None
    ended: Ended | None = None
    refused: Refused | None = None


def read_request(line: bytes) -> Request:
    """Return what is asked. Raises InputInvalid, with the field named."""
    try:
        return Request.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the request"
        raise InputInvalid(f"{place}: {first['msg']}", operation="read request") from None


def answer_lines(request: Request, served: Served, *, device: str) -> Iterator[bytes]:
    """Yield the lines of an answer, each with its end of line."""
    looked = served.looked
    for event in looked.lines():
        yield b'{"event":' + event + b"}\n"
    if request.raw and looked.raw is not None:
        yield orjson.dumps({"raw": looked.raw}) + b"\n"
    ended = Ended(
        status=looked.status if served.age_s is None else "cached",
        device=device,
        collector=request.collector,
        correlation=served.correlation,
        duration_seconds=round(looked.duration_s, 6) if served.age_s is None else 0.0,
        age_seconds=None if served.age_s is None else round(served.age_s, 6),
        error_code=looked.error.error_code if looked.error is not None else None,
        message=looked.message,
    )
    yield b'{"ended":' + ended.model_dump_json(exclude_none=True).encode() + b"}\n"


def refusal_line(error: InfrastructorError) -> bytes:
    """Return the line that says why nothing was looked at."""
    refused = Refused(error_code=error.error_code, message=error.message, exit_code=error.exit_code)
    return b'{"refused":' + refused.model_dump_json().encode() + b"}\n"
