"""A little disk kept back: a full disk leaves no room even to delete, and deleting is what helps."""

import os
from pathlib import Path

SIZE = 4 * 1024 * 1024
"""Bytes: the log of the transactions that drop metrics, or let go what was acknowledged."""

PLENTY = 4 * SIZE


class Reserve:
    """A file that takes room until it is needed."""

    def __init__(self, spool: Path) -> None:
        self._path = spool.with_name(spool.name + ".reserve")

    def keep(self) -> bool:
        """Take the room, when the disk has plenty; return whether it is there. May be called often."""
        if self._path.exists():
            return True
        try:
            disk = os.statvfs(self._path.parent)
            if disk.f_bavail * disk.f_frsize < PLENTY:
                return False
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(fd, 0, SIZE)
            finally:
                os.close(fd)
        except OSError:
            # It is a precaution: where it cannot be made, the agent works without.
            return False
        return True

    def release(self) -> bool:
        """Give the room back; return whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
