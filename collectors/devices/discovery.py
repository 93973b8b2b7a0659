"""Machines that might be devices: those ssh knows, and those that Docker and compose projects name. Only proposed."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from collectors.devices.address import split_host
from collectors.devices.model import DeviceList, Entry
from collectors.ssh.target import PORT
from runtime.errors import InputInvalid

COMPOSE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
MAX_BYTES = 1024 * 1024
MOST_FILES = 2000
HERE = frozenset({"localhost", "127.0.0.1", "::1", "host-gateway", "host.docker.internal"})
_SSH = re.compile(
    r"ssh://(?:(?P<user>[A-Za-z0-9._-]+)@)?(?P<where>\[[0-9A-Fa-f:.]+\](?::\d+)?|[A-Za-z0-9._-]+(?::\d+)?)"
)
_NOT_ALLOWED = re.compile(r"[^a-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A machine that is not listed, and where it was found."""

    entry: Entry
    found_in: str


@dataclass(frozen=True, slots=True)
class Discovered:
    """What was found; `hashed` counts names of known_hosts that only ssh itself can read."""

    candidates: tuple[Candidate, ...]
    hashed: int = 0


def discover(known_hosts: Iterable[Path], folders: Iterable[Path], contexts: Path, listed: DeviceList) -> Discovered:
    """Return the machines that are named and not listed. Reads files only: nothing is connected. Blocks."""
    hashed = 0
    found: list[_Found] = []
    for file in known_hosts:
        names, unreadable = _known_names(_text(file))
        hashed += unreadable
        found += [_Found(name, file) for name in names]
    for file in contexts.glob("meta/*/meta.json"):
        found += [_Found(where, file, user=user) for where, user in _ssh_addresses(_text(file))]
    for file in _compose_files(folders):
        text = _text(file)
        found += [_Found(where, file, user=user) for where, user in _ssh_addresses(text)]
        found += [_Found(where, file, name=name) for name, where in _extra_hosts(text)]
    return Discovered(tuple(_new(found, listed)), hashed)


@dataclass(frozen=True, slots=True)
class _Found:
    """An address (`host[:port]`), the file it stands in, and what that calls it."""

    where: str
    file: Path
    user: str | None = None
    name: str | None = None


def _new(found: Iterable[_Found], listed: DeviceList) -> Iterator[Candidate]:
    taken = {entry.id for entry in listed.devices}
    reached = {(entry.address, entry.port or PORT) for entry in listed.devices}
    for one in found:
        try:
            host, port = split_host(one.where)
        except InputInvalid:
            continue
        if host in HERE or (host, port) in reached:
            continue
        reached.add((host, port))
        name = _NOT_ALLOWED.sub("-", (one.name or host).lower()).strip("._-")[:63]
        named = host if host != name else None
        try:
            entry = Entry(id=name, host=named, port=port if port != PORT else None, user=one.user)
        except ValidationError:
            continue
        if entry.id not in taken:
            taken.add(entry.id)
            yield Candidate(entry, str(one.file))


def _known_names(text: str) -> tuple[list[str], int]:
    names: dict[str, None] = {}
    hashed = 0
    for line in text.splitlines():
        first = line.split(maxsplit=1)[0] if line.strip() else "#"
        if first.startswith("|"):
            hashed += 1
        elif not first.startswith(("#", "@")):
            # One line may hold a name and its address: the name is enough.
            plain = [name for name in first.split(",") if not any(character in name for character in "*?!")]
            names.update(dict.fromkeys(plain[:1]))
    return list(names), hashed


def _ssh_addresses(text: str) -> Iterator[tuple[str, str | None]]:
    for found in _SSH.finditer(text):
        yield found["where"], found["user"]


def _extra_hosts(text: str) -> Iterator[tuple[str, str]]:
    """Yield names and addresses."""
    try:
        document: Any = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    services = document.get("services") if isinstance(document, dict) else None
    for service in services.values() if isinstance(services, dict) else ():
        extra = service.get("extra_hosts") if isinstance(service, dict) else None
        pairs = [f"{name}={address}" for name, address in extra.items()] if isinstance(extra, dict) else extra
        for pair in pairs if isinstance(pairs, list) else ():
            name, _, address = pair.replace("=", ":", 1).partition(":") if isinstance(pair, str) else ("", "", "")
            if address.strip() and "$" not in pair:
                yield name.strip(), address.strip().strip("[]")


def _compose_files(folders: Iterable[Path]) -> Iterator[Path]:
    count = 0
    for folder in folders:
        for name in (*COMPOSE_NAMES, ".env"):
            for file in (*folder.glob(name), *folder.glob(f"*/{name}")):
                count += 1
                if count > MOST_FILES:
                    return
                yield file


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace") if file.stat().st_size <= MAX_BYTES else ""
    except OSError:
        return ""
