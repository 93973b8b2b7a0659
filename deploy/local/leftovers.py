"""Processes that a run which was killed left behind: found by what only ours have, and ended."""

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.05


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
    found = [(pid, mark) for mark in marks for pid in _processes() if mark.matches(pid)]
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


def end_headless(folder: Path, *, main: Mark, within: float) -> list[int]:
    """SIGKILL the PostgreSQL processes that work in `folder` without the main process that `main` tells.

    A server process that computes outlives a killed main process until it looks up, and the next start is refused for
    as long ("pre-existing shared memory block is still in use"). Each has the data directory as its working directory.
    """
    pids = _processes()
    if any(main.matches(pid) for pid in pids):
        return []
    found = [pid for pid in pids if _works_in(folder, pid)]
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + within
    while any(_works_in(folder, pid) for pid in found) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return found


def _works_in(folder: Path, pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder and Path(f"/proc/{pid}/comm").read_text() == "postgres\n"
    except OSError:
        return False


def _processes() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
