"""The blocks of an OpenSSH client configuration (ssh_config(5)), with the files that it includes.

Nothing under Match is taken: it depends on more than the name.
"""

import glob
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from runtime.errors import InputInvalid

DEEPEST_INCLUDE = 16
"""As ssh has it."""
MOST_FILES = 1000
MAX_BYTES = 4 * 1024 * 1024
KEYWORDS = ("hostname", "user", "port", "identityfile", "proxyjump", "proxycommand")
_WAYS = ("proxyjump", "proxycommand")
"""Whichever stands first counts, and the other does not."""


@dataclass(slots=True)
class Block:
    """What stands under one Host; before the first, for all."""

    patterns: tuple[str, ...]
    values: dict[str, str] = field(default_factory=dict)


def values_of(name: str, blocks: list[Block]) -> dict[str, str]:
    """Return what the blocks say of a host; the first value wins."""
    found: dict[str, str] = {}
    for block in blocks:
        if _matches(name, block.patterns):
            for key, value in block.values.items():
                if key not in _WAYS or not any(way in found for way in _WAYS):
                    found.setdefault(key, value)
    return found


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    if any(pattern.startswith("!") and _fits(name, pattern[1:]) for pattern in patterns):
        return False
    return any(_fits(name, pattern) for pattern in patterns if not pattern.startswith("!"))


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern.replace("[", "[[]"))


class Reader:
    """Reads a file with those it includes."""

    def __init__(self, folder: Path) -> None:
        self.left_out: list[str] = []
        self._folder = folder
        self._files = 0

    def read(self, path: Path, depth: int = 0) -> Iterator[Block]:
        """Yield the blocks of a file in their order, those of the files it includes among them. Raises InputInvalid."""
        block = Block(("*",))
        yield block
        for line, (keyword, arguments) in _lines(path):
            if keyword == "host":
                block = Block(tuple(arguments))
                yield block
            elif keyword == "match":
                self.left_out.append(f"{path}, line {line}: what stands under Match")
                block = Block(())
            elif keyword == "include":
                for included in self._included(arguments):
                    yield from self._include(included, block, depth)
            elif keyword in KEYWORDS and arguments:
                block.values.setdefault(keyword, arguments[0])

    def _include(self, path: Path, within: Block, depth: int) -> Iterator[Block]:
        self._files += 1
        if depth >= DEEPEST_INCLUDE or self._files > MOST_FILES:
            self.left_out.append(f"{path}: included too deeply, or one of too many")
            return
        for block in self.read(path, depth + 1):
            # What an included file says before its first Host belongs to the block that includes it.
            yield Block(within.patterns, block.values) if block.patterns == ("*",) else block

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
