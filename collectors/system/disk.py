"""/proc/diskstats. Source of the format: Documentation/admin-guide/iostats.rst of the kernel."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.errors import ParseError
from collectors.system.reading import numbered, whole
from collectors.system.samples import BYTES, SECONDS, sample
from schemas.metric import Sample

SECTION = "/proc/diskstats"
SECTOR = 512
"""Bytes of the sectors counted here, whatever the device's own are."""

_NOT_DISKS = re.compile(r"^(?:loop|ram|fd|nbd)\d+$")
_PARTITION = re.compile(r"^(?P<disk>.*?)(?P<p>p?)(?P<number>\d+)$")


@dataclass(frozen=True, slots=True)
class Direction:
    """What a disk did in one direction since boot: operations, merged ones, bytes, seconds."""

    operations: int
    merged: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk; `busy_s` is how long something was under way."""

    device: str
    read: Direction
    write: Direction
    busy_s: float


def parse_diskstats(text: str) -> tuple[Disk, ...]:
    """Read /proc/diskstats, without partitions, loop and memory devices; raises ParseError.

    Kernels have 14 columns, with discards 18 (4.18), with flushes 20 (5.5); partitions had 7 before 2.6.25.
    """
    found: dict[str, Disk] = {}
    for number, line in numbered(text):
        fields = line.split()
        if len(fields) == 7:
            continue
        if len(fields) < 14:
            raise ParseError("fewer than 14 columns", section=SECTION, line=number, text=line)
        if _NOT_DISKS.match(fields[2]) is None:
            found[fields[2]] = _disk(fields[2], [whole(field, section=SECTION, line=number) for field in fields[3:14]])
    return tuple(disk for disk in found.values() if not is_partition(disk.device, found))


def _disk(device: str, counters: list[int]) -> Disk:
    return Disk(device, _direction(counters[0:4]), _direction(counters[4:8]), busy_s=counters[9] / 1000)


def _direction(counters: list[int]) -> Direction:
    operations, merged, sectors, milliseconds = counters
    return Direction(operations, merged, sectors * SECTOR, milliseconds / 1000)


def is_partition(device: str, devices: dict[str, Disk]) -> bool:
    """Tell whether a name is another's with a number: `sda1` of `sda`, `nvme0n1p2` of `nvme0n1`.

    By the names alone it cannot be told: `xvda1` may be a disk of its own.
    """
    found = _PARTITION.match(device)
    if found is None or found["disk"] not in devices:
        return False
    return bool(found["p"]) == found["disk"][-1:].isdigit()


def disk_samples(disk: Disk) -> Iterator[Sample]:
    """Yield what one disk did since boot."""
    device = {"system.device": disk.device}
    for direction, done in (("read", disk.read), ("write", disk.write)):
        labels = {**device, "disk.io.direction": direction}
        yield sample("system.disk.io", done.bytes, BYTES, labels)
        yield sample("system.disk.operations", done.operations, "{operation}", labels)
        yield sample("system.disk.merged", done.merged, "{operation}", labels)
        yield sample("system.disk.operation_time", done.seconds, SECONDS, labels)
    yield sample("system.disk.io_time", disk.busy_s, SECONDS, device)
