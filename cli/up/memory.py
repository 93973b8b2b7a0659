"""Memory of a process and its descendants, from /proc (proc_pid_status(5), proc_pid_smaps(5))."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes resident now, and at most so far as the kernel remembers."""

    now: int
    peak: int


def memory_of(pid: int, proc: Path = _PROC) -> Memory | None:
    """Return what a process and its descendants hold in memory; None when it is gone.

    One process alone: its VmRSS and VmHWM. Several (the database's) share pages that VmRSS would count once each, so
    theirs is the sum of their proportional set sizes, of which the kernel keeps no peak.
    """
    family = [pid, *_descendants(pid, proc)]
    if len(family) > 1:
        sizes = [_field(proc / str(member) / "smaps_rollup", "Pss") for member in family]
        known = sum(size for size in sizes if size is not None)
        return Memory(known, known) if known else None
    status = proc / str(pid) / "status"
    now, peak = _field(status, "VmRSS"), _field(status, "VmHWM")
    return Memory(now, peak or now) if now is not None else None


def _descendants(pid: int, proc: Path) -> Iterator[int]:
    try:
        children = (proc / str(pid) / "task" / str(pid) / "children").read_text().split()
    except OSError:
        return
    for child in children:
        yield int(child)
        yield from _descendants(int(child), proc)


def _field(path: Path, name: str) -> int | None:
    """Return a field given in kB as bytes."""
    try:
        text = path.read_text()
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None
