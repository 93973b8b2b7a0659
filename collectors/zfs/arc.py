"""The ARC, ZFS's cache in memory: /proc/spl/kstat/zfs/arcstats.

Source of the format: kstat of the SPL, module/os/linux/spl/spl-kstat.c: a line of numbers, a line `name type data`,
then a counter a line. Meaning: arc_stats in include/sys/arc_impl.h; sizes in bytes, hits and misses since the module
was loaded.
"""

from collections.abc import Iterator, Mapping

from collectors.errors import ParseError
from collectors.system.reading import numbered, signed
from collectors.system.samples import BYTES, RATIO, sample
from schemas.metric import Sample

PATH = "/proc/spl/kstat/zfs/arcstats"

_SIZES = {
    "size": "zfs.arc.size",
    "c": "zfs.arc.target",
    "c_min": "zfs.arc.target.min",
    "c_max": "zfs.arc.target.max",
    "mru_size": "zfs.arc.mru_size",
    "mfu_size": "zfs.arc.mfu_size",
    "data_size": "zfs.arc.data_size",
    "metadata_size": "zfs.arc.metadata_size",
    "arc_meta_used": "zfs.arc.metadata_used",
    "compressed_size": "zfs.arc.compressed_size",
    "uncompressed_size": "zfs.arc.uncompressed_size",
    "l2_size": "zfs.l2arc.size",
    "l2_asize": "zfs.l2arc.allocated",
    "l2_hdr_size": "zfs.l2arc.header_size",
}
_COUNTS = {
    "hits": ("zfs.arc.accesses", "{access}", {"zfs.arc.result": "hit"}),
    "misses": ("zfs.arc.accesses", "{access}", {"zfs.arc.result": "miss"}),
    "iohits": ("zfs.arc.accesses", "{access}", {"zfs.arc.result": "iohit"}),
    "l2_hits": ("zfs.l2arc.accesses", "{access}", {"zfs.arc.result": "hit"}),
    "l2_misses": ("zfs.l2arc.accesses", "{access}", {"zfs.arc.result": "miss"}),
    "l2_read_bytes": ("zfs.l2arc.io", BYTES, {"disk.io.direction": "read"}),
    "l2_write_bytes": ("zfs.l2arc.io", BYTES, {"disk.io.direction": "write"}),
    "memory_throttle_count": ("zfs.arc.memory_throttles", "{throttle}", {}),
}


def parse_arcstats(text: str, *, section: str = PATH) -> dict[str, int]:
    """Return the counters by name. ParseError names the line."""
    found: dict[str, int] = {}
    for number, line in numbered(text):
        fields = line.split()
        # The kstat's own line has more columns, and the next one holds the headings.
        if len(fields) == 3 and fields[0] != "name":
            found[fields[0]] = signed(fields[2], section=f"{section}, line {number}")
    if text.strip() and not found:
        raise ParseError("no counters", section=section, text=text)
    return found


def arc_samples(now: Mapping[str, int], before: Mapping[str, int] | None) -> Iterator[Sample]:
    """Yield the cache's sizes and counts; how much of it was hit, of what happened since the look before."""
    for name, metric in _SIZES.items():
        if now.get(name, -1) >= 0:
            yield sample(metric, now[name], BYTES)
    for name, (metric, unit, labels) in _COUNTS.items():
        if now.get(name, -1) >= 0:
            yield sample(metric, now[name], unit, labels)
    hits, misses = _grown("hits", now, before), _grown("misses", now, before)
    if hits is not None and misses is not None and hits + misses > 0:
        yield sample("zfs.arc.hit_ratio", hits / (hits + misses), RATIO)


def _grown(name: str, now: Mapping[str, int], before: Mapping[str, int] | None) -> int | None:
    """Return how much a counter grew; None when it is not there, or began again."""
    if before is None or name not in now or name not in before or now[name] < before[name]:
        return None
    return now[name] - before[name]
