"""Upcasting: an event of an earlier major version becomes one of the next when it is read.

A new major of a type adds one line to `UPCASTERS`. The functions are pure, take the whole document, leave `id`,
`source`, `subject`, `time` and `sequence` as they are, and name the next major in `type`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

Document = dict[str, Any]
Upcaster = Callable[[Document], Document]

UPCASTERS: Mapping[str, Upcaster] = {}
"""Old type to the function that makes its document one of the next major. Every type is at its first major."""

_MAJOR = re.compile(r"(?P<name>.+\.v)(?P<major>[0-9]{1,4})")


def upcast(document: Document, upcasters: Mapping[str, Upcaster]) -> Document:
    """The document at the newest major there is a way to, which is the same document when there is none.

    Raises ValueError when an upcaster does not lead to the next major: a mistake in the table, not in the document.
    """
    while isinstance(kind := document.get("type"), str) and kind in upcasters:
        document = upcasters[kind](dict(document))
        if document.get("type") != next_major(kind):
            raise ValueError(f"the upcaster of {kind} leads to {document.get('type')}, not to {next_major(kind)}")
    return document


def next_major(kind: str) -> str:
    """The type one major up: `infrastructor.drive.observed.v2` after `.v1`."""
    found = _MAJOR.fullmatch(kind)
    if found is None:
        raise ValueError(f"{kind} does not end in a major version such as .v1")
    return f"{found['name']}{int(found['major']) + 1}"
