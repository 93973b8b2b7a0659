"""JSON read strictly: each step knows its path, and a value of another kind is a ParseError that names it.

What is not there, or null, is None: programs leave out what a thing does not have.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from collectors.errors import ParseError
from collectors.secrets import masked_text

LARGEST = 2**63 - 1
"""The largest whole number that an event holds."""


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON value and where it stands: `section` is the output it came in, `path` leads to it from its top."""

    value: object
    section: str
    path: str = ""

    def at(self, *keys: str) -> "Document":
        """Return what stands under these keys, one below the other; ParseError where one is no object."""
        found = self
        for key in keys:
            inside = found.mapping()
            found = Document(inside.get(key), self.section, f"{found.path}.{key}" if found.path else key)
        return found

    def mapping(self) -> Mapping[str, object]:
        """Return an object, empty when there is none. ParseError otherwise."""
        if self.value is None:
            return {}
        if isinstance(self.value, dict):
            return self.value
        raise self.wrong("an object")

    def fields(self) -> "Iterator[tuple[str, Document]]":
        """Yield each key of an object with what stands there."""
        for key in self.mapping():
            yield key, self.at(key)

    def items(self) -> "Iterator[Document]":
        """Yield the elements of a list that are not null. ParseError otherwise."""
        if self.value is None:
            return
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        for index, value in enumerate(self.value):
            if value is not None:
                yield Document(value, self.section, f"{self.path}[{index}]")

    def whole(self, *, least: int = 0, most: int = LARGEST) -> int | None:
        """Return a whole number; None when there is none, or when it is above what an event can hold."""
        if self.value is None:
            return None
        if isinstance(self.value, float) and self.value > LARGEST:
            return None
        if type(self.value) is not int or self.value < least:
            raise self.wrong(f"a whole number from {least}")
        if self.value <= most:
            return self.value
        if most == LARGEST:
            return None
        raise self.wrong(f"a whole number up to {most}")

    def number(self) -> float | None:
        """Return a number; JSON has only finite ones. ParseError otherwise."""
        if self.value is None:
            return None
        if type(self.value) is int or type(self.value) is float:
            return float(self.value)
        raise self.wrong("a number")

    def flag(self) -> bool | None:
        """Return true or false. ParseError otherwise."""
        if self.value is None or isinstance(self.value, bool):
            return self.value
        raise self.wrong("true or false")

    def text(self, *, most: int = 255) -> str | None:
        """Return a text without NUL, stripped and cut after `most` characters; None when it is empty."""
        if self.value is None:
            return None
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        return self.value.replace("\x00", "").strip()[:most] or None

    def wrong(self, expected: str) -> ParseError:
        """Return the error that says what was expected here."""
        place = f"{self.section}, {self.path}" if self.path else self.section
        return ParseError(f"not {expected}", section=place, text=repr(self.value)[:200])


def read_document(text: str, *, section: str) -> Document:
    """Read one JSON document. ParseError, with line and column, when it is none."""
    try:
        return Document(orjson.loads(text), section)
    except orjson.JSONDecodeError as error:
        what = f"no JSON ({error.msg}, column {error.colno})" if text.strip() else "is empty"
        raise ParseError(what, section=section, line=error.lineno, text=_around(text, error.pos)) from None


def _around(text: str, position: int) -> str:
    """Return what stands there, without secrets: what names one may stand some way before."""
    return masked_text(text[max(0, position - 4096) : position + 50])[-80:]
