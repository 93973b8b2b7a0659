"""All containers of a device, out of the text of one look: each engine's list, what it says of each, what they use.

Whether programs were run or sockets were asked, what is made of the answers is the same.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from collectors import sections
from collectors.containers.api import Got, gotten, is_of_sockets, read_api_digests, read_api_listing
from collectors.containers.engines import MOST_CONTAINERS, PROGRAMS, Listed, Listing, read_listing
from collectors.containers.inspection import (
    RUNS,
    counts_network,
    engine_of,
    memory_limit,
    read_container,
    read_inspection,
)
from collectors.containers.listed import is_listed, read_listed
from collectors.containers.secrecy import read_quietly
from collectors.containers.usage import Used, read_api_stats, read_stats
from collectors.document import Document
from collectors.errors import ParseError
from collectors.partly import Partly
from schemas.container import Container, Engine

BARE = "inspect"
"""The section's name in errors about the output of one program alone."""

_EXIT = re.compile(r" \[exit [0-9]{1,3}\]$")
_DIGEST = re.compile(r"(sha256:[0-9a-f]{64}) ([^<>\s@]{1,512}@sha256:[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Seen:
    """A container, and the processor's seconds it has used since it started, where the engine tells them.

    `counted_at` is when that was, in seconds since 1970, where the engine tells it more exactly than the look's clock.
    """

    container: Container
    cpu_seconds: float | None = None
    counted_at: float | None = None


@dataclass(frozen=True, slots=True)
class Engined:
    """What one engine showed; one that did not answer is not `up`."""

    engine: Engine
    version: str | None = None
    containers: tuple[Seen, ...] = ()
    complete: bool = True
    up: bool = True


@dataclass(frozen=True, slots=True)
class Readings:
    """What one look read. `seconds` is the device's clock, since 1970, when containers were listed.

    `unread` says what was answered and could not be read: of single containers, of what they use, of images.
    """

    engines: tuple[Engined, ...]
    seconds: float | None = None
    unread: tuple[str, ...] = ()


@dataclass(slots=True)
class _Answers:
    """What one program said."""

    rows: list[Document] = field(default_factory=list)
    used: list[Used] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> Readings:
    """Read a look, or the bare output of `docker inspect`, `podman inspect`, `podman ps --format json`, of the API's
    ContainerInspect.

    ParseError otherwise; it quotes no environment and no command line.
    """
    if text.lstrip().startswith(("[", "{")):
        return _bare(text)
    parts = sections.split(text)
    partly = Partly()
    read = _of_sockets if is_of_sockets(parts) else _of_programs
    listing, answers = read(parts, partly)
    engines = tuple(_engine(one, answers[one.program], listing, partly) for one in listing.engines)
    if partly.unread and not any(engine.containers for engine in engines):
        raise ParseError("; ".join(partly.unread), section="containers")
    return Readings(engines, listing.seconds, partly.unread)


def _of_programs(parts: Mapping[str, str], partly: Partly) -> tuple[Listing, dict[str, _Answers]]:
    listing: Listing | None = None
    answers: dict[str, _Answers] = {program: _Answers() for program in PROGRAMS}
    for name, content in parts.items():
        program, what = _asked(name)
        if what == "list":
            listing = read_listing(content, section="list")
        elif content.strip():
            partly.read(partial(_read, answers[program], what, content, section=f"{program} {what}"))
    if listing is None:
        raise ParseError("neither the sections of a look nor JSON of `inspect`", section=BARE)
    return listing, answers


def _of_sockets(parts: Mapping[str, str], partly: Partly) -> tuple[Listing, dict[str, _Answers]]:
    listing = read_api_listing(parts)
    answers = {listed.program: _Answers() for listed in listing.engines}
    for got in gotten(parts):
        if got.is_good and got.socket in answers and got.content.strip():
            partly.read(partial(_read_got, answers[got.socket], got))
    return listing, answers


def _read_got(answers: _Answers, got: Got) -> None:
    if got.what == "inspect":
        answers.rows += read_inspection(got.content, section=got.section)
    elif got.what == "stats" and (used := read_api_stats(got.content, section=got.section)) is not None:
        answers.used.append(used)
    elif got.what == "images":
        answers.digests |= read_api_digests(got.content, section=got.section)


def _bare(text: str) -> Readings:
    whole = read_quietly(text, section=BARE)
    if isinstance(whole.value, list) and whole.value and all(is_listed(row) for row in whole.value):
        listed = tuple(Seen(read_listed(row)) for row in whole.items())
        return Readings((Engined("podman", containers=_once(listed), complete=False),))
    rows = read_inspection(text, section=BARE)
    if not rows:
        raise ParseError("no container is there", section=BARE)
    seen = tuple(Seen(read_container(row, seconds=None, digests={})) for row in rows)
    return Readings((Engined(engine_of(rows[0]), containers=_once(seen), complete=False),))


def _asked(name: str) -> tuple[str, str]:
    """Return program and what it was asked for. ParseError when this collector asks no such thing."""
    try:
        argv = shlex.split(_EXIT.sub("", name))
    except ValueError:
        argv = []
    if argv[:2] == ["sh", "-c"]:
        return "sh", "list"
    for program in PROGRAMS:
        if program in argv[:-1]:
            what = argv[argv.index(program) + 1]
            if what in {"inspect", "stats", "image"}:
                return program, what
    raise ParseError("no program that this collector runs", section=name[:200])


def _read(answers: _Answers, what: str, content: str, *, section: str) -> None:
    if what == "inspect":
        answers.rows += read_inspection(content, section=section)
    elif what == "stats":
        answers.used += read_stats(content, section=section)
    else:
        for line in content.split("\n"):
            match = _DIGEST.fullmatch(line.strip())
            # An image that was pulled under several names: the first is as good as any, and stays the first.
            if match is not None and match[2] < answers.digests.get(match[1], "\uffff"):
                answers.digests[match[1]] = match[2]


def _engine(listed: Listed, answers: _Answers, listing: Listing, partly: Partly) -> Engined:
    by_id = {used.id[:12]: used for used in answers.used if used.id}
    by_name = {used.name: used for used in answers.used if used.name}
    seen = []
    for row in answers.rows:
        container = partly.read(partial(read_container, row, seconds=listing.seconds, digests=answers.digests))
        if container is not None:
            used = by_id.get((container.id or "")[:12]) or by_name.get(container.name)
            seen.append(_with_usage(container, used, row))
    answered = {one.container.id for one in seen}
    whole = len(listed.ids) <= MOST_CONTAINERS and answered.issuperset(listed.ids)
    return Engined(listed.engine, listed.version, _once(tuple(seen)), complete=whole, up=listed.up)


def _with_usage(container: Container, used: Used | None, row: Document) -> Seen:
    if used is None or container.state not in RUNS:
        return Seen(container)
    changes: dict[str, int | None] = {"memory_limit_bytes": memory_limit(row)}
    if not counts_network(row):
        changes |= {"network_received_bytes": None, "network_sent_bytes": None}
    usage = used.usage.model_copy(update=changes)
    counted_at = used.at.timestamp() if used.at is not None else None
    return Seen(container.model_copy(update={"usage": usage}), used.cpu_seconds, counted_at)


def _once(seen: tuple[Seen, ...]) -> tuple[Seen, ...]:
    by_name: Mapping[str, Seen] = {one.container.name: one for one in seen}
    return tuple(by_name[name] for name in sorted(by_name))
