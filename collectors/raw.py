"""The raw output of looks, kept for a report: it may hold secrets, so the files are their owner's only."""

import os
import re
import threading
from collections import deque
from datetime import datetime
from pathlib import Path

from runtime.errors import InputInvalid

BLOCK = 4096
"""What a small file takes on a disk, in bytes."""
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]")
_OURS = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]{6}Z_[A-Za-z0-9._-]+_[A-Za-z0-9._-]+\.txt")


class RawFolder:
    """A folder that an agent keeps raw output in: of more than `max_bytes` on the disk the oldest files are removed.

    Only files named as these are count, and are ever removed. May be used from many threads.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._kept: deque[tuple[str, int]] | None = None
        self._bytes = 0
        self._turn = threading.Lock()

    def keep(self, text: str, *, at: datetime, device: str, collector: str) -> Path:
        """Write one look's raw output; see `keep_raw`. Blocks. Raises InputInvalid."""
        path = keep_raw(self._folder, text, at=at, device=device, collector=collector)
        try:
            with self._turn:
                self._make_room(path)
        except OSError as error:
            raise _cannot(self._folder, error) from error
        return path

    def _make_room(self, path: Path) -> None:
        if self._kept is None:
            self._kept = deque(self._there())
        else:
            self._kept.append((path.name, _size(path)))
            self._bytes += self._kept[-1][1]
        while self._bytes > self._max_bytes and len(self._kept) > 1:
            name, size = self._kept.popleft()
            (self._folder / name).unlink(missing_ok=True)
            self._bytes -= size

    def _there(self) -> list[tuple[str, int]]:
        """Return the files that are there, oldest first: their names begin with their times."""
        names = sorted(name for name in os.listdir(self._folder) if _OURS.fullmatch(name))
        found = [(name, _size(self._folder / name)) for name in names]
        self._bytes = sum(size for _, size in found)
        return found


def _size(path: Path) -> int:
    """Return the bytes that a file takes on the disk, about; 0 of one that has gone."""
    try:
        return -(-path.stat().st_size // BLOCK) * BLOCK
    except OSError:
        return 0


def keep_raw(folder: Path, text: str, *, at: datetime, device: str, collector: str) -> Path:
    """Write one look's raw output to `<time>_<device>_<collector>.txt` with mode 0600; return the path. Blocks.

    Raises InputInvalid when it cannot be written.
    """
    stamp = at.strftime("%Y%m%dT%H%M%S.%fZ")
    path = folder / f"{stamp}_{_NO_NAME.sub('-', device)}_{_NO_NAME.sub('-', collector)}.txt"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
            file.write(text)
    except OSError as error:
        raise _cannot(folder, error) from error
    return path


def _cannot(folder: Path, error: OSError) -> InputInvalid:
    why = (error.strerror or "").lower()
    return InputInvalid(
        f"raw output cannot be kept in {folder} ({why}): name a folder that can be written", operation="keep raw output"
    )
