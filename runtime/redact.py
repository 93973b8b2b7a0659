"""Keeping secrets out of what is written: by the name of a field, by the shape of a URL, and by value."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "********"

_SECRET_NAME = re.compile(
    r"password|passwd|passphrase|secret|token|authorization|api_?key|private_?key|credential", re.I
)
_URL_LOGIN = re.compile(
    r"(?P<scheme>(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,40}://)(?P<user>[^\s:/@]*):(?P<password>[^\s/]*)@", re.I
)
_NAMING = r"[\w.-]{0,40}(?:password|passwd|passphrase|secret|token|api_?key)"
_PARAMETER = re.compile(
    # name=value; --name value; "name": "value", as JSON and Python write it.
    rf"(?P<name>\b{_NAMING}=|(?<!\S)--?{_NAMING}[ \t]+(?!-)|(?P<quote>\\?[\"']){_NAMING}(?P=quote)\s*:\s*)"
    r"(?P<value>\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|[^\s&;,\"']+)",
    re.I,
)
_BEARER = re.compile(r"(?P<kind>\b(?:bearer|basic)\s+)[a-z0-9._~+/=-]{8,}", re.I)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

SHORTEST_VALUE = 4
"""Shorter secrets are not sought by value: they would be found in every other word."""

_DEPTH = 6


class Redactor:
    """Masks secrets in texts and in nested data; `values` are secrets known by value, from the settings."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        # The longest first: one secret may contain another.
        known = sorted({value for value in values if len(value) >= SHORTEST_VALUE}, key=len, reverse=True)
        self._known = re.compile("|".join(re.escape(value) for value in known)) if known else None

    def text(self, text: str) -> str:
        """Return the text without logins in URLs, secret parameters, bearer tokens and known values."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        text = _URL_LOGIN.sub(rf"\g<scheme>\g<user>:{MASK}@", text)
        text = _PARAMETER.sub(rf"\g<name>{MASK}", text)
        return _BEARER.sub(rf"\g<kind>{MASK}", text)

    def field(self, name: str, value: object, depth: int = 0) -> Any:
        """Return a field's value, masked whole when its name says that it is a secret."""
        if _SECRET_NAME.search(name) and value is not None and not isinstance(value, bool | int | float):
            return MASK
        return self.data(value, depth)

    def data(self, value: object, depth: int = 0) -> Any:
        """Return nested data with its texts and secret fields masked; what is nested too deep is cut."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth >= _DEPTH:
            return "…"
        if isinstance(value, Mapping):
            return {str(key): self.field(str(key), part, depth + 1) for key, part in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.data(part, depth + 1) for part in value]
        return self.text(str(value))


def sanitised(text: str, longest: int = 500) -> str:
    """Return one line of at most `longest` characters, without control and direction characters that fool terminals."""
    flat = _CONTROL.sub("�", " ".join(text.split()))
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"
