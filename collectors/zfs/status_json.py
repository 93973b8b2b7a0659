"""`zpool status -j -p`, since OpenZFS 2.3: state, what is wrong, scan, devices with their error counts.

Source of the format: zpool-status(8), status_callback_json(), vdev_stats_nvlist() and scan_status_nvlist() in
cmd/zpool/zpool_main.c. With `-p` all numbers are exact, times are seconds since 1970.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from collectors.document import Document
from collectors.zfs.scan import current
from collectors.zfs.status import MOST_DEVICES, Counts, Status, kind_of, sentence
from collectors.zfs.words import count, rounded_size, word
from schemas.pool import PoolDevice, Scan

_GROUPS = {"dedup": "dedup", "special": "special", "logs": "log", "l2cache": "cache", "spares": "spare"}
# zpool_state_to_name() of libzfs, which the text goes through and the JSON does not.
_STATES = {"healthy": "online", "closed": "offline", "cant_open": "unavail"}
_FAULTED_BY = frozenset({"CORRUPT_DATA", "BAD_LOG"})
_SCAN_STATES: dict[str, Literal["running", "finished", "canceled"]] = {
    "SCANNING": "running",
    "FINISHED": "finished",
    "CANCELED": "canceled",
}
_REBUILD_STATES: dict[str, Literal["running", "finished", "canceled"]] = {
    "ACTIVE": "running",
    "COMPLETE": "finished",
    "CANCELED": "canceled",
}
_SLOWEST_TOLD = 10 * 1024 * 1024
_DEEPEST = 12
_LATEST = 253_402_300_799
"""The last second of the year 9999."""


def read_status_json(document: Document) -> dict[str, Status]:
    """Read all pools. ParseError names the path."""
    now = count(document.at("time").value, section=document.section) if _is_number(document.at("time")) else None
    found = {}
    for key, pool in document.at("pools").fields():
        label = pool.at("name").text() or key.replace("\x00", "")[:255]
        if label:
            found[label] = _status(pool, label, now)
    return found


def _status(pool: Document, label: str, now: int | None) -> Status:
    devices: list[PoolDevice] = []
    errors: Counts = (None, None, None)
    for key, root in pool.at("vdevs").fields():
        # The pool itself stands over its devices, unless --json-flat-vdevs was asked for.
        if key == label or root.at("vdev_type").text() == "root":
            errors = _counts(root)
            devices += _devices(root.at("vdevs"), None, None)
        else:
            devices.append(_device(key, root, root.at("parent").text(), None))
    for key, group in _GROUPS.items():
        devices += _devices(pool.at(key), None, group)
    if len(devices) > MOST_DEVICES:
        raise pool.wrong(f"a pool of at most {MOST_DEVICES} devices")
    guid = pool.at("pool_guid").value or pool.at("guid").value
    return Status(
        name=label,
        state=word(pool.at("state").value, section=_place(pool.at("state"))),
        status=sentence(pool.at("status").text(most=8192) or ""),
        action=sentence(pool.at("action").text(most=8192) or ""),
        scan=current(list(_scans(pool.at("scan_stats"), now))),
        data_errors=_number(pool.at("error_count")),
        guid=str(guid)[:255] if isinstance(guid, str | int) else None,
        devices=tuple(devices),
        errors=errors,
    )


def _devices(vdevs: Document, parent: str | None, group: str | None, depth: int = 0) -> Iterator[PoolDevice]:
    if depth > _DEEPEST:
        raise vdevs.wrong(f"at most {_DEEPEST} devices deep")
    for key, vdev in vdevs.fields():
        device = _device(key, vdev, parent, group)
        yield device
        yield from _devices(vdev.at("vdevs"), device.name, group, depth + 1)


def _device(key: str, vdev: Document, parent: str | None, group: str | None) -> PoolDevice:
    label = vdev.at("name").text() or key.replace("\x00", "").strip()[:255]
    if not label:
        raise vdev.at("name").wrong("the name of a device")
    read, write, checksum = _counts(vdev)
    was = vdev.at("was").text(most=4096)
    aux = vdev.at("aux").text()
    return PoolDevice(
        name=label,
        kind=group if group and parent is None else _kind(vdev, label),
        parent=parent,
        path=vdev.at("path").text(most=4096) or was,
        state=_state(vdev, aux),
        read_errors=read,
        write_errors=write,
        checksum_errors=checksum,
        note=f"was {was}"[:4096] if was else (aux.lower().replace("_", " ") if aux else None),
    )


def _kind(vdev: Document, label: str) -> str:
    """Return the type: of a raidz or a draid its name says which."""
    by_name, told = kind_of(label), vdev.at("vdev_type").text()
    if told is None or by_name.startswith(told):
        return by_name
    return "spare" if told == "dspare" else word(told, section=_place(vdev.at("vdev_type")))


def _state(vdev: Document, aux: str | None) -> str:
    state = word(vdev.at("state").value, section=_place(vdev.at("state")))
    if state == "cant_open" and aux in _FAULTED_BY:
        return "faulted"
    return _STATES.get(state, state)


def _counts(vdev: Document) -> Counts:
    return (
        _number(vdev.at("read_errors")),
        _number(vdev.at("write_errors")),
        _number(vdev.at("checksum_errors")),
    )


def _number(value: Document) -> int | None:
    if isinstance(value.value, str) or value.value is None:
        return count(value.value, section=_place(value))
    return value.whole()


def _place(value: Document) -> str:
    return f"{value.section}, {value.path}"


def _is_number(value: Document) -> bool:
    return type(value.value) is int or (
        isinstance(value.value, str) and value.value.isascii() and value.value.isdigit()
    )


def _scans(stats: Document, now: int | None) -> Iterator[Scan]:
    """Yield the scrub or resilver of the pool, and the sequential resilver of each of its vdevs."""
    function, state = stats.at("function").text(), _SCAN_STATES.get(stats.at("state").text() or "")
    if state is not None and function in {"SCRUB", "RESILVER"}:
        yield _scan(stats, "scrub" if function == "SCRUB" else "resilver", state, now=now)
    for _, rebuild in stats.at("rebuild_stats").fields():
        rebuilt = _REBUILD_STATES.get(rebuild.at("state").text() or "")
        if rebuilt is not None:
            yield _rebuild(rebuild, rebuilt)


def _scan(
    stats: Document,
    kind: Literal["scrub", "resilver"],
    state: Literal["running", "finished", "canceled"],
    *,
    now: int | None,
) -> Scan:
    total, issued = _size(stats.at("to_examine")), _size(stats.at("issued"))
    to_issue = total - (_size(stats.at("skipped")) or 0) if total is not None else None
    paused = state == "running" and _time(stats.at("scrub_pause")) is not None
    return Scan(
        kind=kind,
        state="paused" if paused else state,
        started_at=_time(stats.at("start_time")),
        ended_at=_time(stats.at("end_time")) if state != "running" else None,
        progress=1.0 if state == "finished" else _progress(issued, to_issue),
        scanned_bytes=_size(stats.at("examined")),
        total_bytes=total,
        repaired_bytes=_size(stats.at("processed")),
        errors=_number(stats.at("errors")),
        remaining_seconds=_remaining(stats, to_issue, now) if state == "running" and not paused else None,
    )


def _rebuild(stats: Document, state: Literal["running", "finished", "canceled"]) -> Scan:
    total = _size(stats.at("to_scan"))
    return Scan(
        kind="resilver",
        state=state,
        started_at=_time(stats.at("start_time")),
        ended_at=_time(stats.at("end_time")) if state != "running" else None,
        progress=1.0 if state == "finished" else _progress(_size(stats.at("issued")), total),
        scanned_bytes=_size(stats.at("scanned")),
        total_bytes=total,
        repaired_bytes=_size(stats.at("rebuilt")),
        errors=_number(stats.at("errors")),
    )


def _progress(issued: int | None, total: int | None) -> float | None:
    return min(1.0, issued / total) if issued is not None and total is not None and total > 0 else None


def _remaining(stats: Document, to_issue: int | None, now: int | None) -> float | None:
    """Return the seconds left as print_scan_scrub_resilver_status() reckons them; None when it would not say."""
    issued, pass_issued = _size(stats.at("issued")), _size(stats.at("issued_bytes_per_scan"))
    begun, idle = _time(stats.at("pass_start")), _number(stats.at("scrub_spent_paused")) or 0
    if now is None or to_issue is None or issued is None or pass_issued is None or begun is None:
        return None
    elapsed = max(1, now - int(begun.timestamp()) - idle)
    rate = pass_issued // elapsed
    if rate < _SLOWEST_TOLD or to_issue < issued or issued == 0:
        return None
    return float((to_issue - issued) // rate)


def _size(value: Document) -> int | None:
    # Without -p it is rounded: `1.23T`.
    return rounded_size(value.value) if isinstance(value.value, str) and not _is_number(value) else _number(value)


def _time(value: Document) -> datetime | None:
    """Return an instant; 0 is never, and without -p it is a local time, of nobody knows where."""
    seconds = _number(value) if _is_number(value) else None
    return datetime.fromtimestamp(seconds, UTC) if seconds and seconds <= _LATEST else None
