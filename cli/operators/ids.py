"""Ids as people give and read them: a prefix that only one has."""

import re
from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from runtime.errors import InputInvalid

SHORTEST = 8
_PREFIX = re.compile(r"[0-9a-f][0-9a-f-]*")
_MOST_LISTED = 8


def chosen(prefix: str, known: Mapping[UUID, str], *, what: str) -> UUID:
    """The one whose id begins so; `known` says in a few words what each is. InputInvalid: none, or several, listed."""
    start = checked(prefix, what=what)
    found = [one for one in known if str(one).startswith(start)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputInvalid(f"no {what} has an id that begins with {prefix}", operation=f"find {what}")
    lines = "; ".join(f"{one} ({known[one]})" for one in found[:_MOST_LISTED])
    more = f" and {len(found) - _MOST_LISTED} more" if len(found) > _MOST_LISTED else ""
    raise InputInvalid(f"{prefix} is the beginning of several ids: {lines}{more}", operation=f"find {what}")


def checked(prefix: str, *, what: str) -> str:
    """The prefix in lower case. InputInvalid when it is none of a UUID, or too short."""
    start = prefix.strip().lower()
    if not _PREFIX.fullmatch(start) or len(start) > 36:
        raise InputInvalid(f"{prefix!r} is no id of {_a(what)}, nor the beginning of one", operation=f"find {what}")
    if len(start) < SHORTEST:
        raise InputInvalid(f"{prefix}: give at least {SHORTEST} characters of the id", operation=f"find {what}")
    return start


def short_ids(ids: Iterable[UUID]) -> dict[UUID, str]:
    """For each the shortest beginning that none of the others has, at least 8 characters."""
    listed = sorted({str(one) for one in ids})
    found: dict[UUID, str] = {}
    for index, text in enumerate(listed):
        beside: Collection[str] = listed[max(0, index - 1) : index] + listed[index + 1 : index + 2]
        size = max((_shared(text, other) + 1 for other in beside), default=SHORTEST)
        found[UUID(text)] = text[: max(size, SHORTEST)]
    return found


def _shared(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b), len(one))


def _a(what: str) -> str:
    return f"an {what}" if what[0] in "aeiou" else f"a {what}"
