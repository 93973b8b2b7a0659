"""The lock of a data folder."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from deploy.local.errors import LocalStackFailed, written_to
from runtime.errors import AlreadyRunning


class DataLock:
    """flock(2) on `<data>/lock`, which holds our process id. The kernel lets go of it when the process ends."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock. Raises AlreadyRunning, which names the process that holds it, or LocalStackFailed."""
        with written_to(self._path.parent):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise AlreadyRunning(
                f"{self._path.parent} is in use by process {holder}: stop it, or set INFRASTRUCTOR_DATA_DIR to "
                "another folder",
                operation="lock data folder",
                pid=holder,
            ) from None
        self._file = file
        try:
            with written_to(self._path.parent):
                file.truncate(0)
                file.write(f"{os.getpid()}\n")
                file.flush()
        except LocalStackFailed:
            self.release()
            raise

    def release(self) -> None:
        """Let go; nothing happens when it is not held."""
        if self._file is not None:
            # What a full disk did not take is still in the buffer, and fails again.
            with suppress(OSError):
                self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
