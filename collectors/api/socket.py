"""The socket's place: made so that nobody but its owner can ever connect, wherever the data folder is."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MODE = 0o600


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Give a path to the socket that is short enough: its address holds 107 bytes (unix(7)). Raises OSError."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def bound(path: Path) -> socket.socket:
    """Return a socket bound to `path`, in place of one that an agent left behind. Raises OSError.

    It gets its mode before it gets its name, and nobody can connect before it listens.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        new.unlink(missing_ok=True)
        with short_path(new) as address:
            made.bind(address)
        new.chmod(MODE)
        new.rename(path)
    except BaseException:
        made.close()
        raise
    return made


def connected(path: Path, *, timeout_s: float) -> socket.socket:
    """Return a socket connected to the agent. Raises OSError: FileNotFoundError or ConnectionRefusedError when no
    agent runs."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.settimeout(timeout_s)
        with short_path(path) as address:
            made.connect(address)
    except BaseException:
        made.close()
        raise
    return made


def removed(path: Path) -> None:
    """Take the name away, when it is there."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
