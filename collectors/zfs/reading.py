"""All pools of a device, out of the text of one look: what was listed, the status of each, its datasets, the cache."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pydantic import ValidationError

from collectors import sections
from collectors.document import Document, read_document
from collectors.errors import ParseError
from collectors.partly import Partly
from collectors.zfs.arc import PATH, parse_arcstats
from collectors.zfs.commands import UTC, read_version
from collectors.zfs.listing import (
    GET,
    Properties,
    datasets_json,
    datasets_text,
    get_text,
    list_text,
    pool_fields,
    pools_json,
    read_datasets,
    with_datasets,
)
from collectors.zfs.status import Counts, Status, read_status
from collectors.zfs.status_json import read_status_json
from collectors.zfs.words import count
from schemas.pool import Pool

BARE = "zpool"
"""The section's name in errors about the output of one program alone."""

MOST_POOLS = 1024

_EXIT = re.compile(r" \[exit (-?[0-9]{1,3})\]$")
_SECONDS = re.compile(r"([0-9]{9,12})\n")
_PROGRAMS = ("zpool list", "zpool status", "zpool get", "zfs list")


@dataclass(frozen=True, slots=True)
class More:
    """What of a pool is measured and is not in its observation: bytes, and the pool's own error counts."""

    freeing_bytes: int | None = None
    leaked_bytes: int | None = None
    errors: Counts = (None, None, None)


@dataclass(frozen=True, slots=True)
class Readings:
    """What one look read. `seconds` is the device's clock, since 1970, when zpool status was asked.

    `unread` says what one of the programs said and could not be read.
    """

    pools: tuple[Pool, ...]
    version: str | None = None
    seconds: int | None = None
    arc: Mapping[str, int] = field(default_factory=dict)
    more: Mapping[str, More] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


@dataclass(slots=True)
class _Found:
    """What the programs said so far."""

    seen: bool = False
    failed: list[str] = field(default_factory=list)
    version: str | None = None
    seconds: int | None = None
    properties: dict[str, dict[str, object]] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)
    datasets: dict[str, Properties] = field(default_factory=dict)
    datasets_section: str = ""
    arc: dict[str, int] = field(default_factory=dict)
    partly: Partly = field(default_factory=Partly)


def parse(text: str) -> Readings:
    """Read a look, or the bare output of `zpool status`, `zpool list` (as text or JSON). ParseError otherwise."""
    try:
        return _parsed(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ParseError(f"{place} of {error.title}: {first['msg']}", section=BARE) from None


def _parsed(text: str) -> Readings:
    parts = sections.split(text)
    found = _Found()
    if parts:
        for name, content in parts.items():
            found.partly.read(partial(_section, found, name, content))
    else:
        _bare(found, text)
    if not found.seen:
        why = ", ".join((*found.failed, *found.partly.unread)) or "neither zpool list nor zpool status is there"
        raise ParseError(why, section=BARE, text="" if found.failed or found.partly.unread else text[:80])
    names = len({*found.properties, *found.statuses})
    if names > MOST_POOLS:
        raise ParseError(f"more than {MOST_POOLS} pools", section=BARE)
    return _readings(found)


def _section(found: _Found, name: str, content: str) -> None:
    ended = _EXIT.search(name[-4096:])
    command = name[-4096:][: ended.start()] if ended is not None else name[-4096:]
    if PATH in command:
        found.arc = parse_arcstats(content, section=name)
    elif "zpool version" in command:
        found.version = read_version(content)
    else:
        program = next((program for program in _PROGRAMS if program in command), None)
        if program is None:
            raise ParseError("no program that this collector runs", section=name[:200])
        if ended is not None:
            # What it was to say is absent; without list and status nothing is known.
            found.failed.append(f"{program} ended with {ended[1]}")
            return
        _output(found, program, content, section=name, utc=UTC[-1] in command)


def _bare(found: _Found, text: str) -> None:
    if text.lstrip().startswith("{"):
        command = read_document(text, section=BARE).at("output_version", "command").text() or ""
        if command not in _PROGRAMS:
            raise ParseError("output_version.command names no program of this collector", section=BARE, text=command)
        _output(found, command, text, section=command, utc=False)
    elif text.lstrip().startswith("NAME") or text.strip() == "no pools available":
        _output(found, "zpool list", text, section=BARE, utc=False)
    elif re.search(r"^ {0,4}pool: ", text, re.MULTILINE):
        _output(found, "zpool status", text, section=BARE, utc=False)


def _output(found: _Found, program: str, content: str, *, section: str, utc: bool) -> None:
    document = read_document(content, section=section) if content.lstrip().startswith("{") else None
    match program:
        case "zpool list":
            listed = pools_json(document) if document is not None else list_text(content, section=section)
            found.seen = True
            _add(found, listed)
        case "zpool status":
            found.statuses = (
                read_status_json(document) if document is not None else read_status(content, section=section, utc=utc)
            )
            found.seen = True
            found.seconds = _seconds(document, content)
        case "zpool get":
            _add(found, pools_json(document) if document is not None else get_text(content, section=section))
        case _:
            found.datasets = (
                datasets_json(document) if document is not None else datasets_text(content, section=section)
            )
            found.datasets_section = section


def _add(found: _Found, listed: Mapping[str, Properties]) -> None:
    for pool, properties in listed.items():
        found.properties.setdefault(pool, {}).update(properties)


def _seconds(document: Document | None, content: str) -> int | None:
    if document is None:
        match = _SECONDS.match(content[:64].lstrip("\n"))
        return int(match[1]) if match is not None else None
    time = document.at("time").value
    if isinstance(time, str) and not (time.isascii() and time.isdigit()):
        return None
    return count(time, section=document.section)


def _readings(found: _Found) -> Readings:
    read = found.partly.read(lambda: tuple(read_datasets(found.datasets, section=found.datasets_section)))
    pools = tuple(with_datasets(pool, read or ()) for pool in _pools(found))
    more = dict(_more(found))
    if found.partly.unread and not pools:
        raise ParseError("; ".join(found.partly.unread), section=BARE)
    return Readings(pools, found.version, found.seconds, found.arc, more, unread=found.partly.unread)


def _pools(found: _Found) -> Iterator[Pool]:
    for name in dict.fromkeys([*found.properties, *found.statuses]):
        properties = found.properties.get(name, {})
        # A pool that was exported between two of the programs is in what `get` was asked, and nowhere else.
        if name not in found.statuses and "health" not in properties:
            continue
        fields: dict[str, Any] = {"name": name, **pool_fields(properties, section=f"zpool list, {name}")}
        status = found.statuses.get(name)
        if status is not None:
            fields |= {
                "guid": fields.get("guid") or status.guid,
                "state": status.state,
                "status": status.status,
                "action": status.action,
                "data_errors": status.data_errors,
                "scan": status.scan,
                "devices": status.devices,
            }
        yield Pool(**fields)


def _more(found: _Found) -> Iterator[tuple[str, More]]:
    for name in dict.fromkeys([*found.properties, *found.statuses]):
        properties, status = found.properties.get(name, {}), found.statuses.get(name)
        section = f"zpool get {','.join(GET)}, {name}"
        yield (
            name,
            More(
                freeing_bytes=count(properties.get("freeing"), section=section),
                leaked_bytes=count(properties.get("leaked"), section=section),
                errors=status.errors if status is not None else (None, None, None),
            ),
        )
