"""What of an engine's answer may be looked at: environments, command lines and most labels stay outside.

Errors quote the value that they are about, and errors are told. So an answer is cut down to what is wanted before
anything reads it, and text that is no JSON is never quoted.
"""

import re
from collections.abc import Mapping
from types import EllipsisType

import orjson

from collectors.document import Document
from collectors.errors import ParseError
from collectors.secrets import masked_text

Shape = Mapping[str, "Shape"] | EllipsisType | None
"""The keys that are wanted of an object, and what of each: None for a plain value, `...` for all of it."""

# exec: "mysqld --password=…": the whole of a command line that was given as one word, and is then sought as a file.
_QUOTED = re.compile(r"\"([^\"]{1,4096})\"|`([^`]{1,4096})`|'([^']{1,4096})'")


def read_quietly(text: str, *, section: str) -> Document:
    """Read one JSON document. ParseError, without a quote, when it is none."""
    try:
        return Document(orjson.loads(text), section)
    except orjson.JSONDecodeError as error:
        what = f"no JSON ({error.msg}, column {error.colno})" if text.strip() else "is empty"
        raise ParseError(what, section=section, line=error.lineno) from None


def kept(value: object, shape: Shape) -> object:
    """Return what of a value is wanted; a value of another kind stays one, without what is in it."""
    if shape is ...:
        return value
    if isinstance(value, dict):
        return {key: kept(value[key], part) for key, part in shape.items() if key in value} if shape is not None else {}
    if isinstance(value, list):
        return []
    return value if shape is None or value is None else "..."


def masked_error(text: str) -> str:
    """Return an engine's sentence about a container without the arguments of commands and without secrets."""
    for match in list(_QUOTED.finditer(text))[:8]:
        words = (match[1] or match[2] or match[3]).split()
        if len(words) > 1:
            text = text.replace(match[0][1:-1], f"{words[0]} ...")
    return masked_text(text)
