"""What a look asks of a transport: run a program, read files in one round trip, or ask servers on Unix sockets."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

STATVFS = "statvfs"
"""The section with the usage of file systems, a line for each: see `FileSet`."""

_PATTERN = re.compile(r"^/[A-Za-z0-9_./*-]+$")
_WORD = re.compile(r"^[a-z0-9._]+$")


@dataclass(frozen=True, slots=True)
class Command:
    """Run a program: its argument vector, never a shell's line, with LC_ALL=C; exit codes in `accepted` are answers."""

    argv: tuple[str, ...]
    accepted: frozenset[int] = frozenset({0})


@dataclass(frozen=True, slots=True)
class FileSet:
    """Read files; the answer is one text in the form of `collectors.sections`, files that cannot be read left out.

    `patterns` are paths, `*` allowed; what is no regular file is passed over. With `filesystems`, the section `statvfs`
    follows: for each mount of /proc/self/mounts whose type is named, `<blocks> <free> <available> <block size> <inodes>
    <free inodes> <mount point, escaped as in that file>` (statvfs(3); sizes in blocks). Only types that are named are
    touched, for a question to a network file system whose server is gone never returns.
    """

    patterns: tuple[str, ...]
    filesystems: tuple[str, ...] = ()
    max_file_bytes: int = 262_144

    def __post_init__(self) -> None:
        # They stand unquoted in the script below, so that `*` works: nothing else may mean anything to a shell.
        for pattern in self.patterns:
            if _PATTERN.match(pattern) is None:
                raise ValueError(f"{pattern!r} is not an absolute path of letters, digits and _ . / * -")
        for word in self.filesystems:
            if _WORD.match(word) is None:
                raise ValueError(f"{word!r} is not the name of a file system type")


@dataclass(frozen=True, slots=True)
class Gets:
    """Ask HTTP servers on Unix sockets of the machine itself: socket and path of each, `at_once` at a time.

    The answer is one text in the form of `collectors.sections`: `clock`, seconds since 1970 when it began, then
    `GET <path> of <socket> [status <HTTP status>]` for each, in their order. Status 0 is one that did not answer; the
    text is why.
    """

    of: tuple[tuple[str, str], ...]
    at_once: int = 8


Request = Command | FileSet | Gets
"""What a transport answers."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Ask one thing, then those that its answer asks for; see `collectors.chain`.

    `then` is pure: given the first one's output, it returns the requests. It raises ParseError.
    """

    first: Command | Gets
    then: Callable[[str], tuple[Command | Gets, ...]]


Question = Request | Chain
"""What a look asks: one request, or several of which the first decides the others."""

# What is no regular file is passed over: a FIFO would be waited for, a device may have no end.
_FILES_SCRIPT = (
    'LC_ALL=C; export LC_ALL; set --; for f in {patterns}; do [ -f "$f" ] && set -- "$@" "$f"; done; '
    '[ $# -gt 0 ] && head -v -c {most} "$@" 2>/dev/null'
)
_STATVFS_SCRIPT = (
    r"printf '\n==> statvfs <==\n'; "
    r"while read -r d m t o; do case $t in {types}) "
    r"""p=$(printf '%b.' "$m"); s=$(stat -f -c '%b %f %a %S %c %d' -- "${{p%.}}" 2>/dev/null) """
    r"""&& printf '%s %s\n' "$s" "$m";; esac; done < /proc/self/mounts"""
)


def argv_of(request: Question) -> tuple[str, ...]:
    """Return the argument vector that answers a request where only programs can be run; of several, the first.

    For files that is one constant script for sh(1), with head(1) and stat(1) of coreutils or busybox.
    """
    if isinstance(request, Chain):
        return argv_of(request.first)
    if isinstance(request, Command):
        return request.argv
    if isinstance(request, Gets):
        return ("GET", *(f"unix://{socket}{path}" for socket, path in request.of))
    script = _FILES_SCRIPT.format(patterns=" ".join(request.patterns), most=request.max_file_bytes)
    if request.filesystems:
        script += "; " + _STATVFS_SCRIPT.format(types="|".join(request.filesystems))
    return ("sh", "-c", script + "; exit 0")


def command_hash(argv: tuple[str, ...]) -> str:
    """Return the SHA-256 of a command, the same whatever the order of its arguments."""
    return hashlib.sha256("\x00".join([argv[0], *sorted(argv[1:])]).encode()).hexdigest()
