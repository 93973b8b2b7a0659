"""Why bytes are not an event: one exception, with a code for machines and a field for people."""

import re
from enum import StrEnum

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_TYPE = re.compile(r"[a-z]{1,63}(\.[a-z_]{1,63}){1,4}\.v[0-9]{1,4}")
_NAME = re.compile(r"[A-Za-z0-9_.()\[\]-]{1,100}")
"""A part of a path that pydantic names, or a key that may be one of ours."""


class Reason(StrEnum):
    """Why an event was refused at the boundary; the value of the dead letter's `dl-reason` header."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    NOT_AN_EVENT = "not_an_event"
    UNKNOWN_TYPE = "unknown_type"
    WRONG_TOPIC = "wrong_topic"
    INVALID_FIELD = "invalid_field"
    TIME_AHEAD = "time_ahead"
    KEY_MISMATCH = "key_mismatch"


class EventRefused(ValueError):
    """Bytes that are no valid event.

    `reason` is a code, `field` a dotted path (empty for the whole), `message` a sentence.
    """

    def __init__(self, reason: Reason, field: str, message: str) -> None:
        where = f"{field}: " if field else ""
        super().__init__(f"{where}{message}")
        self.reason = reason
        self.field = field
        self.message = message


def refusal_from(error: ValidationError) -> EventRefused:
    """Turn pydantic's report into one refusal that names the first field that is wrong."""
    details = error.errors(include_url=False, include_input=False)
    first = details[0]
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return EventRefused(_reason(first), _path(first), f"{_sentence(first)}{more}")


def _reason(detail: ErrorDetails) -> Reason:
    match detail["type"]:
        case "json_invalid":
            return Reason.NOT_JSON
        case "union_tag_invalid":
            return Reason.UNKNOWN_TYPE
        case "union_tag_not_found":
            return Reason.NOT_AN_EVENT
        case "model_type" | "model_attributes_type" | "dict_type" if not detail["loc"]:
            return Reason.NOT_AN_EVENT
        case _:
            return Reason.INVALID_FIELD


def _path(detail: ErrorDetails) -> str:
    """The dotted path without the union's tag, which pydantic puts in front; a key that is no name is not quoted."""
    parts = [part if _NAME.fullmatch(part := str(one)) is not None else "?" for one in detail["loc"]]
    if parts and parts[0].startswith("infrastructor."):
        parts = parts[1:]
    if detail["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        parts = ["type"]
    if detail["type"] == "broken_rule":
        parts.append(detail["ctx"]["field"])
    return ".".join(parts)


def _sentence(detail: ErrorDetails) -> str:
    """What is wrong, without pydantic's prefix and without the list of all types."""
    match detail["type"]:
        case "union_tag_invalid":
            # What is no name at all may be anything, and is not quoted.
            tag = detail["ctx"]["tag"]
            shown = repr(tag) if _TYPE.fullmatch(tag) is not None else "this"
            return f"{shown} is no event type known here; a newer release may know it"
        case "union_tag_not_found":
            return "the document has no type"
        case "value_error":
            return str(detail["ctx"]["error"])
        case _:
            return detail["msg"]
