"""The hosts of an OpenSSH client configuration (ssh_config(5)), as devices: for import, not while looking.

Read are Host, HostName, User, Port, IdentityFile, ProxyJump and Include. The first value wins, as in ssh. Hosts with
patterns are settings for others, not devices; what stands under Match depends on more than the name, and is left out.
"""

import glob
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import ValidationError

from collectors.devices.model import Entry
from collectors.ssh.target import PORT
from runtime.errors import InputInvalid

DEEPEST_INCLUDE = 16
"""As ssh has it."""
MOST_FILES = 1000
MAX_BYTES = 4 * 1024 * 1024
KEYWORDS = ("hostname", "user", "port", "identityfile", "proxyjump")
_NOT_ALLOWED = re.compile(r"[^a-z0-9._-]+")


@dataclass(slots=True)
class _Block:
    """What stands under one Host; before the first, for all."""

    patterns: tuple[str, ...]
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Imported:
    """The devices found, and what was left out with the reason."""

    entries: tuple[Entry, ...]
    left_out: tuple[str, ...]


def import_ssh_config(path: Path) -> Imported:
    """Return the hosts of a configuration as devices. Blocks. Raises InputInvalid when it cannot be read."""
    reader = _Reader(path.expanduser().parent)
    blocks = list(reader.read(path.expanduser()))
    entries: dict[str, Entry] = {}
    left_out = list(reader.left_out)
    for name in dict.fromkeys(name for block in blocks for name in block.patterns):
        if any(character in name for character in "*?!"):
            continue
        try:
            entry = _entry(name, _values(name, blocks))
        except (ValidationError, ValueError) as error:
            left_out.append(f"{name}: {_first_line(error)}")
            continue
        if entry.id in entries:
            left_out.append(f"{name}: there is a {entry.id} already")
        else:
            entries[entry.id] = entry
    return Imported(tuple(entries.values()), tuple(left_out))


def _values(name: str, blocks: list[_Block]) -> dict[str, str]:
    found: dict[str, str] = {}
    for block in blocks:
        if _matches(name, block.patterns):
            for key, value in block.values.items():
                found.setdefault(key, value)
    return found


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    if any(pattern.startswith("!") and _fits(name, pattern[1:]) for pattern in patterns):
        return False
    return any(_fits(name, pattern) for pattern in patterns if not pattern.startswith("!"))


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _entry(name: str, values: dict[str, str]) -> Entry:
    host = values.get("hostname", name).replace("%h", name).replace("%%", "%")
    device = _NOT_ALLOWED.sub("-", name.lower()).lstrip("._-")[:63]
    port = int(values.get("port", PORT))
    jump = values.get("proxyjump")
    if jump is not None and "," in jump:
        raise ValueError("ProxyJump over several hosts: give each its own `jump`")
    key = values.get("identityfile")
    return Entry(
        id=device,
        host=host if host != device else None,
        user=values.get("user"),
        port=port if port != PORT else None,
        key=key if key not in {None, "none"} else None,
        jump=_jump(jump),
    )


def _jump(jump: str | None) -> str | None:
    if jump is None or jump.lower() == "none":
        return None
    return jump.removeprefix("ssh://")


class _Reader:
    """Reads a file with those it includes."""

    def __init__(self, folder: Path) -> None:
        self.left_out: list[str] = []
        self._folder = folder
        self._files = 0

    def read(self, path: Path, depth: int = 0) -> Iterator[_Block]:
        block = _Block(("*",))
        yield block
        for line, (keyword, arguments) in _lines(path):
            if keyword == "host":
                block = _Block(tuple(arguments))
                yield block
            elif keyword == "match":
                self.left_out.append(f"{path}, line {line}: what stands under Match")
                block = _Block(())
            elif keyword == "include":
                for included in self._included(arguments):
                    yield from self._include(included, block, depth)
            elif keyword in KEYWORDS and arguments:
                block.values.setdefault(keyword, arguments[0])

    def _include(self, path: Path, within: _Block, depth: int) -> Iterator[_Block]:
        self._files += 1
        if depth >= DEEPEST_INCLUDE or self._files > MOST_FILES:
            self.left_out.append(f"{path}: included too deeply, or one of too many")
            return
        for block in self.read(path, depth + 1):
            # What an included file says before its first Host belongs to the block that includes it.
            yield _Block(within.patterns, block.values) if block.patterns == ("*",) else block

    def _included(self, patterns: list[str]) -> Iterator[Path]:
        for pattern in patterns:
            path = Path(pattern).expanduser()
            for found in sorted(glob.glob(str(path if path.is_absolute() else self._folder / path))):
                if Path(found).is_file():
                    yield Path(found)


def _lines(path: Path) -> Iterator[tuple[int, tuple[str, list[str]]]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputInvalid(f"{path}: is larger than {MAX_BYTES} bytes", operation="read ssh_config")
        text = path.read_text(errors="replace")
    except OSError as error:
        raise InputInvalid(f"{path}: cannot be read ({error.strerror})", operation="read ssh_config") from error
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        keyword, rest = re.match(r"([^\s=]*)\s*=?\s*(.*)", stripped).groups()  # type: ignore[union-attr]
        try:
            arguments = shlex.split(rest, comments=True)
        except ValueError as error:
            raise InputInvalid(f"{path}, line {number}: {error}", operation="read ssh_config", line=number) from error
        yield number, (keyword.lower(), arguments)


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{first['loc'][-1] if first['loc'] else 'it'}: {first['msg']}"
    return str(error)
