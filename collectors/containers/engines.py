"""Which engines there are, and what is asked of each.

The first program is one constant script for sh(1), so that a device with Docker, with Podman, with both, or with a
`docker` that is Podman's, is one look. It prints `clock <seconds since 1970>`; for each program that is there
`<program> <version as JSON>` and an id a line, or `<program> failed`. It ends with 127 when none is there, and with 1
when none answers; the reason is then the last line of its standard error.

Source of the formats: docker-version(1), docker-ps(1), podman-version(1), podman-ps(1).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from collectors.containers.secrecy import read_quietly
from collectors.document import Document
from collectors.errors import ParseError
from collectors.request import Command
from schemas.container import Engine

PROGRAMS = ("docker", "podman")
MOST_CONTAINERS = 1000
"""Of one engine; of more, those that were made first are left out and the observation says that it is not complete."""

_SCRIPT = (
    "LC_ALL=C; export LC_ALL; found=; ok=; date '+clock %s.%N'; "
    "for p in docker podman; do "
    "command -v $p >/dev/null 2>&1 || continue; found=1; "
    "if v=$($p version --format '{{json .}}') && ids=$($p ps -aq --no-trunc); "
    """then ok=1; printf '%s %s\\n%s\\n' "$p" "$v" "$ids"; else echo "$p failed"; fi; done; """
    "[ -n \"$found\" ] || { echo 'neither docker nor podman is there' >&2; exit 127; }; "
    '[ -n "$ok" ]'
)
LIST = Command(("sh", "-c", _SCRIPT))

# Ids on one command line: over SSH it is one argument of a shell, which has 128 KiB at most.
_CHUNK = 200
# Of containers that have gone meanwhile docker complains with 1 and podman with 125, and both tell of the others.
_ANSWERS = frozenset({0, 1, 125})
_ID = re.compile(r"[0-9a-f]{12,64}")
_CLOCK = re.compile(r"clock ([0-9]{9,11})(\.[0-9]{1,9})?(?![0-9])")


@dataclass(frozen=True, slots=True)
class Listed:
    """One engine: the program that speaks to it or its socket, what it is, its version, the ids of its containers.

    `up` is false when it did not answer; then nothing else of it is known.
    """

    program: str
    engine: Engine
    version: str | None = None
    ids: tuple[str, ...] = ()
    up: bool = True


@dataclass(frozen=True, slots=True)
class Listing:
    """The engines of a device; `seconds` is its clock, since 1970."""

    seconds: float | None
    engines: tuple[Listed, ...]


def read_listing(text: str, *, section: str) -> Listing:
    """Read what the script printed. ParseError when it is something else."""
    seconds: float | None = None
    found: list[tuple[Listed, list[str]]] = []
    for number, line in enumerate(text.split("\n"), 1):
        program, _, rest = line.partition(" ")
        if program == "clock":
            seconds = _clock(line)
        elif program in PROGRAMS:
            found.append((_listed(program, rest, section=f"{section}, line {number}"), []))
        elif _ID.fullmatch(line) and found:
            found[-1][1].append(line)
        elif line.strip():
            raise ParseError("neither an engine nor the id of a container", section=section, line=number)
    if not found:
        raise ParseError("names no engine", section=section)
    return Listing(seconds, tuple(once(replace(listed, ids=tuple(ids)) for listed, ids in found)))


def _clock(line: str) -> float | None:
    # busybox's date prints `%N` as it stands.
    match = _CLOCK.match(line)
    return float(match[1] + (match[2] or "")) if match is not None else None


def _listed(program: str, rest: str, *, section: str) -> Listed:
    if rest == "failed":
        return Listed(program, "podman" if program == "podman" else "docker", up=False)
    version = read_quietly(rest, section=section)
    server = version.at("Server")
    # Podman on the spot has no server.
    podman = program == "podman" or not server.mapping() or is_podman(server)
    number = server.at("Version").text() or version.at("Client", "Version").text()
    return Listed(program, "podman" if podman else "docker", number)


def is_podman(server: Document) -> bool:
    """Tell whether a server that speaks Docker's language is Podman: it says so among its components."""
    return any("podman" in (part.at("Name").text() or "").lower() for part in server.at("Components").items())


def once(engines: Iterable[Listed]) -> Iterator[Listed]:
    """Yield each engine once: a `docker` that is Podman's shows the containers that `podman` shows."""
    seen: dict[Engine, Listed] = {}
    for listed in engines:
        other = seen.get(listed.engine)
        if other is None or (listed.up and not other.up):
            seen[listed.engine] = listed
    yield from seen.values()


def then(text: str) -> tuple[Command, ...]:
    """Return what to run after the list; raises ParseError."""
    listing = read_listing(text, section="list")
    return tuple(command for listed in listing.engines if listed.ids for command in _commands(listed))


def _commands(listed: Listed) -> Iterator[Command]:
    answer = partial(Command, accepted=_ANSWERS)
    ids = listed.ids[:MOST_CONTAINERS]
    for start in range(0, len(ids), _CHUNK):
        yield answer((listed.program, "inspect", "--type", "container", *ids[start : start + _CHUNK]))
    if listed.engine == "podman":
        yield answer((listed.program, "stats", "--no-stream", "--format", "json"))
    else:
        yield answer((listed.program, "stats", "--no-stream", "--no-trunc", "--format", "{{json .}}"))
        # A container's own description does not say what digest its image was pulled by.
        digests = "{{.ID}} {{.Repository}}@{{.Digest}}"
        yield answer((listed.program, "image", "ls", "--digests", "--no-trunc", "--format", digests))
