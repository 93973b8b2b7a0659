"""Samples of pools, their devices and datasets. The semantic conventions have no names for ZFS: these are `zfs.*`."""

from collections.abc import Iterator
from datetime import datetime

from collectors.system.samples import BYTES, RATIO, SECONDS, sample
from collectors.zfs.reading import More
from collectors.zfs.status import Counts
from schemas.metric import Sample
from schemas.pool import Dataset, Pool, PoolDevice, Scan

STATES = ("online", "degraded", "faulted", "offline", "unavail", "removed", "suspended")
_GOOD = frozenset({"online", "avail", "inuse"})
_KINDS = ("read", "write", "checksum")
_POOL = (
    ("size_bytes", "zfs.pool.size", BYTES),
    ("allocated_bytes", "zfs.pool.allocated", BYTES),
    ("free_bytes", "zfs.pool.free", BYTES),
    ("capacity", "zfs.pool.utilization", RATIO),
    ("fragmentation", "zfs.pool.fragmentation", RATIO),
    ("deduplication_ratio", "zfs.pool.deduplication_ratio", RATIO),
    ("data_errors", "zfs.pool.data_errors", "{error}"),
)
_DATASET = (
    ("used_bytes", "zfs.dataset.used", BYTES),
    ("available_bytes", "zfs.dataset.available", BYTES),
    ("referenced_bytes", "zfs.dataset.referenced", BYTES),
    ("quota_bytes", "zfs.dataset.quota", BYTES),
    ("compression_ratio", "zfs.dataset.compression_ratio", RATIO),
)


def pool_samples(pool: Pool, more: More, seconds: int | None) -> Iterator[Sample]:
    """Yield what one pool measures; `seconds` is the device's clock, for the age of its scan."""
    labels = {"zfs.pool": pool.name}
    for state in STATES:
        yield sample("zfs.pool.status", float(pool.state == state), RATIO, labels | {"zfs.state": state})
    for field, name, unit in _POOL:
        value = getattr(pool, field)
        if value is not None:
            yield sample(name, value, unit, labels)
    for name, size in (("zfs.pool.freeing", more.freeing_bytes), ("zfs.pool.leaked", more.leaked_bytes)):
        if size is not None:
            yield sample(name, size, BYTES, labels)
    yield from _errors("zfs.pool.errors", more.errors, labels)
    if pool.scan is not None:
        yield from _scan_samples(pool.scan, labels | {"zfs.scan.kind": pool.scan.kind}, seconds)
    for device in pool.devices:
        yield from _device_samples(device, labels | {"zfs.device": device.name})


def _errors(name: str, counts: Counts, labels: dict[str, str]) -> Iterator[Sample]:
    for kind, number in zip(_KINDS, counts, strict=True):
        if number is not None:
            yield sample(name, number, "{error}", labels | {"error.type": kind})


def _scan_samples(scan: Scan, labels: dict[str, str], seconds: int | None) -> Iterator[Sample]:
    running = scan.state in {"running", "paused"}
    yield sample("zfs.scan.running", float(running), RATIO, labels)
    if running and scan.progress is not None:
        yield sample("zfs.scan.progress", scan.progress, RATIO, labels)
    if scan.remaining_seconds is not None:
        yield sample("zfs.scan.remaining", scan.remaining_seconds, SECONDS, labels)
    if scan.errors is not None:
        yield sample("zfs.scan.errors", scan.errors, "{error}", labels)
    age = _since(scan.ended_at, seconds)
    # One that was canceled proves nothing of the pool.
    if age is not None and scan.state == "finished":
        yield sample("zfs.scan.age", age, SECONDS, labels)


def _since(instant: datetime | None, seconds: int | None) -> float | None:
    return max(0.0, seconds - instant.timestamp()) if instant is not None and seconds is not None else None


def _device_samples(device: PoolDevice, labels: dict[str, str]) -> Iterator[Sample]:
    yield sample("zfs.device.online", float(device.state in _GOOD), RATIO, labels)
    yield from _errors("zfs.device.errors", (device.read_errors, device.write_errors, device.checksum_errors), labels)


def dataset_samples(dataset: Dataset) -> Iterator[Sample]:
    """Yield what one file system or volume measures."""
    labels = {"zfs.dataset": dataset.name}
    for field, name, unit in _DATASET:
        value = getattr(dataset, field)
        if value is not None:
            yield sample(name, value, unit, labels)
