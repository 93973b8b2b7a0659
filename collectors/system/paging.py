"""/proc/swaps and /proc/vmstat. Source of the formats: proc_swaps(5), proc_vmstat(5)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collectors.errors import ParseError
from collectors.mounts import unescaped
from collectors.system.reading import numbered, whole
from collectors.system.samples import BYTES, RATIO, ratio, sample
from schemas.metric import Sample

SWAPS = "/proc/swaps"
VMSTAT = "/proc/vmstat"
KIB = 1024
_COUNTERS = frozenset({"pgfault", "pgmajfault", "pswpin", "pswpout"})


@dataclass(frozen=True, slots=True)
class Swap:
    """One swap device or file; bytes."""

    device: str
    size: int
    used: int


def parse_swaps(text: str) -> tuple[Swap, ...]:
    """Read /proc/swaps; raises ParseError. Each device once."""
    found: dict[str, Swap] = {}
    for number, line in list(numbered(text))[1:]:
        fields = line.split()
        if len(fields) < 5:
            raise ParseError("fewer than five columns", section=SWAPS, line=number, text=line)
        # Counted from the end: a file that was deleted while in use has a word more.
        size, used = (whole(field, section=SWAPS, line=number) * KIB for field in fields[-3:-1])
        found[fields[0]] = Swap(unescaped(fields[0]), size, used)
    return tuple(found.values())


def parse_vmstat(text: str) -> Mapping[str, int]:
    """Read the counters of faults and swapping out of /proc/vmstat; raises ParseError."""
    found: dict[str, int] = {}
    for number, line in numbered(text):
        fields = line.split()
        if len(fields) == 2 and fields[0] in _COUNTERS:
            found[fields[0]] = whole(fields[1], section=VMSTAT, line=number)
    return found


def swap_samples(swaps: tuple[Swap, ...]) -> Iterator[Sample]:
    """Yield usage and utilization of each swap device; nothing where there is none."""
    for swap in swaps:
        for state, size in (("used", swap.used), ("free", max(0, swap.size - swap.used))):
            labels = {"system.device": swap.device, "system.paging.state": state}
            yield sample("system.paging.usage", size, BYTES, labels)
            yield sample("system.paging.utilization", ratio(size, swap.size), RATIO, labels)


def paging_samples(counters: Mapping[str, int]) -> Iterator[Sample]:
    """Yield page faults and pages swapped, counted since boot."""
    if "pgmajfault" in counters:
        major = counters["pgmajfault"]
        yield sample("system.paging.faults", major, "{fault}", {"system.paging.fault.type": "major"})
        if "pgfault" in counters:
            minor = max(0, counters["pgfault"] - major)
            yield sample("system.paging.faults", minor, "{fault}", {"system.paging.fault.type": "minor"})
    for direction, counter in (("in", "pswpin"), ("out", "pswpout")):
        if counter in counters:
            labels = {"system.paging.direction": direction, "system.paging.fault.type": "major"}
            yield sample("system.paging.operations", counters[counter], "{operation}", labels)
