"""How a state in parts is stored: under `<partition>|<kind>:<name>`, each part with the one before it.

Parts are written before the partition's own state, and a kill may fall in between. A part that is ahead of the
partition is therefore read as it was when the partition was stored: what follows is folded again, from a state that is
of one moment. For that, each entry says `offset` (at which the part is so), `part`, `before`, and `since` (the offset
of the partition at which it was as in `before`). A part that is gone is null, until its key is deleted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from streams.fleet import Key
from streams.stored import VERSION, StateUnreadable, StoredDocuments, entries_of, take_own


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was applied of a subject by source, and how many events about it were sent."""

    scopes: dict[str, int] = field(default_factory=dict)
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Recent:
    """The ids of the last events that carry no sequence, the newest last."""

    ids: tuple[str, ...] = ()


LEDGER, RECENT = "device", "recent"
OWN_PARTS: Mapping[str, type[Any]] = {LEDGER: Ledger, RECENT: Recent}
"""The kinds that the fold itself keeps: `device:<subject>`, `recent:ids`."""


@dataclass(slots=True)
class LoadedParts(StoredDocuments):
    """What is stored of one partition in parts."""

    parts: dict[Key, Any] = field(default_factory=dict)
    ahead: list[Key] = field(default_factory=list)
    """Parts that were ahead of the partition: to be written again with the next batch."""

    gone: list[Key] = field(default_factory=list)
    """Parts that are gone, but whose keys are not deleted yet."""


def part_key(partition: int, key: Key) -> bytes:
    """The key of a part."""
    kind, name = key
    return f"{partition}|{kind}:{name}".encode()


def encode_part(part: Any, before: Any, *, offset: int, since: int) -> bytes:
    """A part and the one before it, as bytes."""
    return orjson.dumps({"v": VERSION, "offset": offset, "part": part, "before": before, "since": since})


def load_parts(partition: int, entries: Iterable[tuple[bytes, bytes]], types: Mapping[str, type[Any]]) -> LoadedParts:
    """The parts of one partition, all as of one moment. Raises StateUnreadable."""
    loaded = LoadedParts()
    found: dict[Key, dict[str, Any]] = {}
    for name, value in entries_of(partition, entries):
        if not take_own(loaded, name, value):
            kind, _, rest = name.partition(":")
            found[kind, rest] = value
    adapters = {kind: TypeAdapter(one) for kind, one in {**types, **OWN_PARTS}.items()}
    for key, value in found.items():
        part = _as_of(key, value, loaded)
        if part is not None:
            loaded.parts[key] = _read(adapters, key, part)
    return loaded


def _as_of(key: Key, value: Mapping[str, Any], loaded: LoadedParts) -> Any:
    """The part as it was when the partition was stored."""
    try:
        offset, since, part, before = value["offset"], value["since"], value["part"], value["before"]
    except KeyError as error:
        raise _unreadable(key, f"has no {error}") from error
    if offset <= loaded.partition.offset:
        if part is None:
            loaded.gone.append(key)
        return part
    # An earlier `since` is that of a worker that lost the partition while it wrote. Its successor has not come so far
    # yet, and has not changed the part, or it would have written it.
    if since > loaded.partition.offset:
        raise _unreadable(key, f"is of offset {offset} after {since}, the partition of {loaded.partition.offset}")
    loaded.ahead.append(key)
    return before


def _read(adapters: Mapping[str, TypeAdapter[Any]], key: Key, part: Any) -> Any:
    if key[0] not in adapters:
        raise _unreadable(key, "is of no kind that this program knows")
    try:
        return adapters[key[0]].validate_python(part)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(one) for one in first["loc"])
        raise _unreadable(key, f"cannot be read ({where}: {first['msg']})") from error


def _unreadable(key: Key, why: str) -> StateUnreadable:
    return StateUnreadable(
        f"the stored state {':'.join(key)} {why}: `infrastructor streams rebuild` makes it anew", operation="load state"
    )
