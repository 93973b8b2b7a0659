"""TCP ports on loopback: free ones, and who holds a taken one."""

import random
import socket
from contextlib import suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"

# Below the range from which Linux takes the ports of outgoing connections (32768 and up), so that a port found free
# here is not lost to somebody's connection before the server binds it.
_LOWEST, _HIGHEST = 20_000, 32_000


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(*, besides: frozenset[int] = frozenset()) -> int:
    """Return a random free port in 20000..32000, none of `besides`."""
    numbers = random.SystemRandom()
    while True:
        port = numbers.randint(_LOWEST, _HIGHEST)
        if port not in besides and is_free(port):
            return port


def holder(port: int) -> str | None:
    """Name the process that listens on `port`, as `name (pid n)`; None when it cannot be told.

    Reads /proc/net/tcp{,6} (proc_pid_net(5)) for the socket's inode and /proc/<pid>/fd for its owner; the file
    descriptors of other users' processes are hidden from all but root.
    """
    inodes = _listening_inodes(port)
    for folder in Path("/proc").glob("[0-9]*"):
        if inodes & _open_files(folder):
            with suppress(OSError):
                return f"{(folder / 'comm').read_text().strip()} (pid {folder.name})"
    return None


def _open_files(process: Path) -> set[str]:
    """Return what a process's file descriptors point to; they come and go while they are read."""
    found = set()
    with suppress(OSError):
        for link in (process / "fd").iterdir():
            with suppress(OSError):
                found.add(str(link.readlink()))
    return found


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        try:
            rows = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            columns = row.split()
            if columns[3] == "0A" and int(columns[1].rsplit(":", 1)[1], 16) == port:
                found.add(f"socket:[{columns[9]}]")
    return found
