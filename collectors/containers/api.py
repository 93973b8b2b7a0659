"""The engines' own API over their sockets: what is asked, and which engine and containers an answer names.

Source: the Docker Engine API (docs.docker.com/reference/api/engine), whose paths Podman serves as well. They are
asked without a version: which ones an engine has differs from one to the next, and nothing here changed among them
since 1.24. `one-shot` (1.41) spares the engine the second that it would watch for; older ones watch.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from collectors import sections
from collectors.containers.engines import MOST_CONTAINERS, Listed, Listing, is_podman, once
from collectors.containers.inspection import RUNS
from collectors.containers.secrecy import Shape, kept, read_quietly
from collectors.document import Document
from collectors.errors import ParseError
from collectors.request import Gets
from collectors.unix_http import CLOCK

VERSION = "/version"
CONTAINERS = "/containers/json?all=true"
IMAGES = "/images/json"
GOOD = 200
AT_ONCE = 8
LONGEST_REASON = 300

What = Literal["version", "list", "inspect", "stats", "images"]

_NAME = re.compile(r"GET (?P<path>/\S*) of (?P<socket>/.+?)(?: \[status (?P<status>[0-9]{1,3})\])?")
# Who keeps the answers of another look may have asked with a version.
_PATH = re.compile(
    r"(?:/v[0-9]{1,2}\.[0-9]{1,3})?/(?:(?P<version>version)|(?P<list>containers/json)"
    r"|containers/[0-9a-f]{12,64}/(?:(?P<inspect>json)|(?P<stats>stats))|(?P<images>images/json))(?:\?.*)?"
)
_ID = re.compile(r"[0-9a-f]{12,64}")
_LISTED: Shape = {"Id": None, "State": None}
_IMAGE: Shape = {"Id": None, "RepoDigests": ...}
_KINDS: tuple[What, ...] = ("version", "list", "inspect", "stats", "images")


@dataclass(frozen=True, slots=True)
class Got:
    """One answer: of which socket, what was asked, its HTTP status, what came."""

    socket: str
    what: What
    status: int
    content: str

    @property
    def is_good(self) -> bool:
        """Whether it is what was asked for."""
        return self.status == GOOD

    @property
    def section(self) -> str:
        """How errors name it."""
        return f"{self.what} of {self.socket}"


def asked_first(sockets: tuple[str, ...]) -> Gets:
    """Return what is asked of each socket: which engine it is, and its containers."""
    return Gets(tuple((socket, path) for socket in sockets for path in (VERSION, CONTAINERS)), AT_ONCE)


def then_asked(text: str) -> tuple[Gets, ...]:
    """Return what to ask after the list; raises ParseError."""
    parts = sections.split(text)
    running = {
        got.socket: {one.at("Id").text() for one in _rows(got) if (one.at("State").text() or "running") in RUNS}
        for got in gotten(parts)
        if got.what == "list" and got.is_good
    }
    asked: list[tuple[str, str]] = []
    for listed in read_api_listing(parts).engines:
        for container in listed.ids[:MOST_CONTAINERS]:
            asked.append((listed.program, f"/containers/{container}/json"))
            if container in running[listed.program]:
                asked.append((listed.program, f"/containers/{container}/stats?stream=false&one-shot=true"))
        if listed.ids:
            asked.append((listed.program, IMAGES))
    return (Gets(tuple(asked), AT_ONCE),) if asked else ()


def is_of_sockets(parts: Mapping[str, str]) -> bool:
    """Tell whether sockets were asked, and not programs."""
    return any(_NAME.fullmatch(name) for name in parts)


def gotten(parts: Mapping[str, str]) -> Iterator[Got]:
    """Yield the answers. ParseError for what this collector does not ask."""
    for name, content in parts.items():
        if name == CLOCK:
            continue
        found = _NAME.fullmatch(name)
        path = _PATH.fullmatch(found["path"]) if found is not None else None
        if found is None or path is None:
            raise ParseError("nothing that this collector asks", section=name[:200])
        what = next(kind for kind in _KINDS if path[kind] is not None)
        yield Got(found["socket"], what, int(found["status"] or GOOD), content)


def read_api_listing(parts: Mapping[str, str]) -> Listing:
    """Return the engines. ParseError when none answers as one, with what the first says."""
    versions: dict[str, Got] = {}
    lists: dict[str, Got] = {}
    for got in gotten(parts):
        if got.what in ("version", "list"):
            (versions if got.what == "version" else lists)[got.socket] = got
    engines = [_listed(versions.get(socket), got) for socket, got in lists.items()]
    if not any(listed.up for listed in engines):
        first = next((got for got in (*lists.values(), *versions.values()) if not got.is_good), None)
        why = _reason(first) if first is not None else "no list of containers is there"
        raise ParseError(why, section=first.section if first is not None else "list")
    return Listing(_seconds(parts.get(CLOCK, "")), tuple(once(engines)))


def _listed(version: Got | None, containers: Got) -> Listed:
    socket = containers.socket
    if not containers.is_good:
        return Listed(socket, "podman" if "podman" in socket else "docker", up=False)
    ids = tuple(one.at("Id").text() or "" for one in _rows(containers))
    if version is None or not version.is_good:
        return Listed(socket, "podman" if "podman" in socket else "docker", ids=ids)
    server = read_quietly(version.content, section=version.section)
    return Listed(socket, "podman" if is_podman(server) else "docker", server.at("Version").text(), ids)


def _rows(got: Got) -> Iterator[Document]:
    for row in read_quietly(got.content, section=got.section).items():
        one = Document(kept(row.value, _LISTED), row.section, row.path)
        if _ID.fullmatch(one.at("Id").text() or "") is None:
            raise one.at("Id").wrong("the id of a container")
        yield one


def read_api_digests(text: str, *, section: str) -> dict[str, str]:
    """Return what images were pulled as, by their ids; of several names the first by the alphabet."""
    found = {}
    for row in read_quietly(text, section=section).items():
        image = Document(kept(row.value, _IMAGE), row.section, row.path)
        names = sorted(
            name for one in image.at("RepoDigests").items() if "<none>" not in (name := one.text(most=1024) or "<none>")
        )
        image_id = image.at("Id").text()
        if image_id and names:
            found[image_id] = names[0]
    return found


def _reason(got: Got) -> str:
    """Return why there is no answer, as far as it may be told: an engine's own sentence, or what the transport said."""
    if got.status == 0:
        return got.content.strip()[:LONGEST_REASON]
    try:
        message = read_quietly(got.content, section=got.section).at("message").text(most=LONGEST_REASON)
    except ParseError:
        message = None
    return f"HTTP status {got.status}{f': {message}' if message else ''}"


def _seconds(clock: str) -> float | None:
    match = re.fullmatch(r"\s*([0-9]{9,11}(?:\.[0-9]{1,9})?)\s*", clock)
    return float(match[1]) if match is not None else None
