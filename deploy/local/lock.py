"""The lock of a data folder, and what a run that was killed left behind in it."""

import fcntl
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from runtime.errors import AlreadyRunning

_POLL_SECONDS = 0.05


class DataLock:
    """flock(2) on `<data>/lock`, which holds our process id. The kernel lets go of it when the process ends."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock, or raise AlreadyRunning, which names the process that holds it."""
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
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        """Let go; nothing happens when it is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells our process from all others: the program's name and one of its arguments; and the signal to end it."""

    program: str
    argument: str
    ends_by: signal.Signals

    def matches(self, pid: int) -> bool:
        """Look at the argument vector (proc_pid_cmdline(5)); False when the process is gone or a zombie."""
        try:
            program, *arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            return False
        return Path(program).name == self.program and self.argument in arguments


def end_leftovers(marks: Iterable[Mark], *, within: float) -> list[int]:
    """End the processes that bear one of `marks`, by its signal, after `within` seconds by SIGKILL; return their ids.

    Call it with the data folder locked: then such a process belongs to a run that is gone. Our children end with their
    parent, so this finds those that are about to, and those that could not.
    """
    pids = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
    found = [(pid, mark) for mark in marks for pid in pids if mark.matches(pid)]
    for by_force in (False, True):
        for pid, mark in found:
            _signal(pid, signal.SIGKILL if by_force else mark.ends_by, mark=mark)
        deadline = time.monotonic() + within
        while any(mark.matches(pid) for pid, mark in found) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
    return sorted(pid for pid, _ in found)


def _signal(pid: int, by: signal.Signals, *, mark: Mark) -> None:
    """Signal through a pidfd, looked at again once it is open: a number that was given anew is never signalled."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            if mark.matches(pid):
                signal.pidfd_send_signal(handle, by)
        finally:
            os.close(handle)
