"""Configuration files as a look reads them: which there are, byte for byte, and what is made of each.

Shared by the collectors of configuration files; what they publish, and when, is `collectors.configuration`.
"""

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from pydantic_core import to_json

from collectors.errors import ParseError

MAX_FILE_BYTES = 262_144
"""Of one file; a larger one is told with an error instead of what is in it."""
MOST_CONTENT_BYTES = 400_000
"""Of what was parsed, as JSON: an event has 1 MiB, with a difference beside it."""
MOST_BYTES = 4 * 1024 * 1024
"""Of all files of one look; the rest are told with an error."""
MOST_FILES = 2_000
"""Of one look; of more, the rest are left out, and none counts as gone."""
MOST_REMEMBERED = 8 * 1024 * 1024
"""Characters of texts whose meaning is remembered."""
LONGEST_PATH = 4096
NO_PATH = "-"
"""The path of a text that came without one."""

_HEADER = re.compile(r"^==> (.+) <==\n", re.MULTILINE)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Understood:
    """What was made of a text: `content` is what was parsed, `text` the file; both with secrets masked."""

    text: str
    content: dict[str, Any]
    name: str | None = None


Wanted = Callable[[str], bool]
"""Tells whether a path is one of those that a look asked for."""
Understand = Callable[[str, str], Understood]
"""Path and text in, what they mean out; raises ParseError, which quotes nothing."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One file of a look. Either `content` and `text` (secrets masked), or an `error`: then `text` is None.

    `size_bytes` is None where the text is not all of the file, or not its very bytes.
    """

    kind: str
    path: str
    content_hash: str
    size_bytes: int | None = None
    name: str | None = None
    enabled: bool | None = None
    text: str | None = None
    content: dict[str, Any] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Configurations:
    """All files of one look.

    `patterns` are paths, `*` allowed, whose files are all in `files`, so that one which is not has gone; `unread` are
    files that are there and could not be read. Of what neither names, nothing is known.
    """

    kind: str
    files: tuple[ConfigFile, ...] = ()
    patterns: tuple[str, ...] = ()
    unread: frozenset[str] = frozenset()
    _paths: frozenset[str] = field(init=False, repr=False, compare=False)
    _covered: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_paths", frozenset(file.path for file in self.files))
        object.__setattr__(self, "_covered", covering(self.patterns))

    def lacks(self, path: str) -> bool:
        """Tell whether a file that was there is known to be gone."""
        if path in self._paths or path in self.unread or len(self.files) >= MOST_FILES:
            return False
        return self._covered.fullmatch(path) is not None


def covering(patterns: Iterable[str]) -> re.Pattern[str]:
    """Return the expression that the paths which patterns name match, all of them and whole."""
    parts = ["[^/]*".join(re.escape(part) for part in pattern.split("*")) for pattern in patterns]
    return re.compile("|".join(parts) if parts else r"(?!)")


def split_files(text: str, wanted: Wanted | None = None) -> dict[str, str]:
    """Return the files of a look's text by their paths, byte for byte, each once.

    Unlike `sections.split` this keeps empty lines, for the hash of a file is over all of it: what ends a section is
    the one line end that head(1) puts before the next header.

    A file may hold a line that looks like a header. The path of one that nobody asked for, which `wanted` tells, is no
    header but a part of that file; of a path that stands twice, the first counts.
    """
    headers = [one for one in _HEADER.finditer(text) if not one[1].startswith("/") or wanted is None or wanted(one[1])]
    ends = [*(header.start() - 1 for header in headers[1:]), len(text)]
    found = (
        (header[1], text[header.end() : max(header.end(), end)]) for header, end in zip(headers, ends, strict=False)
    )
    files: dict[str, str] = {}
    for name, content in found:
        if name.startswith("/"):
            files.setdefault(name, content)
    return files


def read_all(
    text: str,
    understand: Understand,
    *,
    kind: str,
    enabled: Callable[[str], bool],
    wanted: Wanted | None = None,
) -> tuple[ConfigFile, ...]:
    """Return the files of a look's text; a file that is not understood says so itself, its neighbours are told.

    `wanted` tells which paths were asked for; None: whatever stands there was.
    """
    text = text.encode("utf-8", "replace").decode()
    files = [(path, content) for path, content in split_files(text, wanted).items() if len(path) <= LONGEST_PATH]
    read: list[ConfigFile] = []
    size = 0
    for path, content in files[:MOST_FILES]:
        size += len(content)
        what = understand if size <= MOST_BYTES else _too_many
        read.append(read_file(path, content, what, kind=kind, enabled=enabled))
    return tuple(read)


def _too_many(path: str, _: str) -> Understood:
    raise ParseError(f"is beyond {MOST_BYTES} bytes of files, and is not read", section=path[:200])


def bounded(understand: Understand) -> Understand:
    """Return the same function for what an event may hold: ParseError when a text, or what it says, is too large."""

    def understood(path: str, text: str) -> Understood:
        if len(text.encode("utf-8", "replace")) >= MAX_FILE_BYTES:
            raise ParseError(f"has {MAX_FILE_BYTES} bytes or more, and is not read", section=path[:200])
        found = understand(path, text)
        content = cleaned(found.content)
        if len(to_json(content)) > MOST_CONTENT_BYTES:
            raise ParseError("says more than an event holds", section=path[:200])
        return Understood(printable(found.text), content, printable(found.name or "")[:255] or None)

    return understood


def remembering(understand: Understand) -> Understand:
    """Return the same function, bounded, that remembers what files meant: most are never another.

    What is remembered has its secrets masked, and is found by path and hash; of the same file on many devices, once.
    """
    known: OrderedDict[tuple[str, bytes], Understood] = OrderedDict()
    anew = bounded(understand)
    size, turn = 0, threading.Lock()

    def understood(path: str, text: str) -> Understood:
        nonlocal size
        key = path, hashlib.sha256(text.encode("utf-8", "replace")).digest()
        with turn:
            if key in known:
                known.move_to_end(key)
                return known[key]
        # Long texts are read in threads, and this is what takes the time.
        found = anew(path, text)
        with turn:
            size += len(found.text) - (len(known[key].text) if key in known else 0)
            known[key] = found
            while size > MOST_REMEMBERED:
                size -= len(known.popitem(last=False)[1].text)
        return found

    return understood


def read_file(path: str, text: str, understand: Understand, *, kind: str, enabled: Callable[[str], bool]) -> ConfigFile:
    """Return one file; what is wrong with it becomes its `error`."""
    data = text.encode()
    facts: dict[str, Any] = {
        "kind": kind,
        "path": printable(path),
        "content_hash": hashlib.sha256(data).hexdigest(),
        "size_bytes": _size(text, data),
        "enabled": enabled(path),
    }
    try:
        understood = understand(path, text)
    except ParseError as error:
        return ConfigFile(**facts, error=printable(error.message)[:4096])
    return ConfigFile(**facts, name=understood.name, text=understood.text, content=understood.content)


def read_alone(text: str, understand: Understand, *, kind: str) -> ConfigFile:
    """Return a text that came without a path. ParseError when it is not understood."""
    text = text.encode("utf-8", "replace").decode()
    understood = understand(NO_PATH, text)
    data = text.encode()
    return ConfigFile(
        kind,
        NO_PATH,
        hashlib.sha256(data).hexdigest(),
        _size(text, data),
        name=understood.name,
        text=understood.text,
        content=understood.content,
    )


def _size(text: str, data: bytes) -> int | None:
    """Return the size of a file; None when it may have been cut, or what is no UTF-8 was replaced."""
    return len(data) if len(data) < MAX_FILE_BYTES and "\ufffd" not in text else None


def first_section(text: str) -> str:
    """Return what stands in the first section of a look's text."""
    headers = list(islice(_HEADER.finditer(text), 2))
    return text[headers[0].end() : headers[1].start() if len(headers) > 1 else len(text)] if headers else ""


def is_of_files(text: str) -> bool:
    """Tell whether a look's text has sections: a bare file has none."""
    return text.startswith("==> ") or not text.strip()


def printable(text: str) -> str:
    """Return a text as an event may hold it: what cannot be printed is replaced, line ends are one character."""
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n"))


def cleaned(value: Any) -> Any:
    """Return nested data with printable texts; names that have become the same stand once."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {printable(str(key)): cleaned(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(part) for part in value]
    return value


def distinct(values: Iterable[str]) -> list[str]:
    """Return values in their order, each once."""
    return list(dict.fromkeys(values))
