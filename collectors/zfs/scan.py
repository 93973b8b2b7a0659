"""The `scan:` paragraph of `zpool status`: the last or the current scrub or resilver.

Source of the format: print_scan_status() in cmd/zpool/zpool_main.c of OpenZFS 0.8 to 2.4. Times are those of ctime(3),
in the time zone of whoever asked: they count only when that is known to be UTC.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from collectors.zfs.words import rounded_size
from schemas.pool import Scan

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CTIME = r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4}"
_TIME = re.compile(r"([A-Z][a-z]{2}) ([ 0-9][0-9]) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([0-9]{4})$")
# A sequential resilver names its vdev: `resilvered (mirror-0) 1.2G in`.
_VDEV = r"(?: \([^)]{1,255}\))?"
_FINISHED = re.compile(
    rf"(?:thorough )?(scrub repaired|resilvered){_VDEV} (\S{{1,20}}) in .{{1,60}}? "
    rf"with ([0-9]{{1,19}}) errors on ({_CTIME})"
)
_CANCELED = re.compile(rf"(?:thorough )?(scrub|resilver){_VDEV} canceled on ({_CTIME})")
_RUNNING = re.compile(rf"(?:thorough )?(scrub|resilver){_VDEV} in progress since ({_CTIME})")
_PAUSED = re.compile(rf"(?:thorough )?(scrub|resilver){_VDEV} paused since {_CTIME}")
_STARTED = re.compile(rf"scrub started on ({_CTIME})")
_DONE = re.compile(r"(\S{1,20}) (?:repaired|resilvered), ([0-9]{1,6}(?:\.[0-9]{1,4})?)% done")
# Up to 2.2 `1.2T scanned at 1G/s, 800G issued at 500M/s, 3.5T total`, then `1.2T / 3.5T scanned`.
_OLD_SCANNED = re.compile(r"([0-9.]{1,20}[A-Z]?) scanned(?: at [^,]{1,40})?, .{0,80}?([0-9.]{1,20}[A-Z]?) total")
_NEW_SCANNED = re.compile(r"([0-9.]{1,20}[A-Z]?) / ([0-9.]{1,20}[A-Z]?) scanned")
_TO_GO = re.compile(r"(?:([0-9]{1,6}) days? )?([0-9]{1,4}):([0-9]{2}):([0-9]{2}) to go")

LONGEST = 4096
"""Characters of the paragraph that are looked at: it has five lines."""

Clock = Callable[[str], datetime | None]


def ctime(text: str) -> datetime | None:
    """Return the instant of `Sun Nov  9 00:24:03 2025`, taken as UTC; None when there is no such day."""
    match = _TIME.search(text)
    if match is None or match[1] not in _MONTHS:
        return None
    try:
        day, hour, minute, second, year = (int(match[group]) for group in (2, 3, 4, 5, 6))
        return datetime(year, _MONTHS.index(match[1]) + 1, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def read_scan(paragraph: str, *, utc: bool) -> Scan | None:
    """Read one paragraph; None when there never was a scan, or in words that no version is known to use."""
    text = paragraph[:LONGEST]
    when: Clock = ctime if utc else lambda _: None
    if (finished := _FINISHED.match(text)) is not None:
        return Scan(
            kind=_kind(finished[1]),
            state="finished",
            ended_at=when(finished[4]),
            progress=1.0,
            repaired_bytes=rounded_size(finished[2]),
            errors=_errors(finished[3]),
        )
    if (canceled := _CANCELED.match(text)) is not None:
        return Scan(kind=_kind(canceled[1]), state="canceled", ended_at=when(canceled[2]))
    if (running := _RUNNING.match(text)) is not None:
        return _progress(text, Scan(kind=_kind(running[1]), state="running", started_at=when(running[2])))
    if (paused := _PAUSED.match(text)) is not None:
        started = _STARTED.search(text)
        begun = when(started[1]) if started is not None else None
        return _progress(text, Scan(kind=_kind(paused[1]), state="paused", started_at=begun))
    return None


def _kind(text: str) -> Literal["scrub", "resilver"]:
    return "scrub" if text.startswith("scrub") else "resilver"


def _errors(text: str) -> int | None:
    return int(text) if int(text) < 2**63 else None


def _progress(text: str, scan: Scan) -> Scan:
    done, left = _DONE.search(text), _TO_GO.search(text)
    scanned = _NEW_SCANNED.search(text) or _OLD_SCANNED.search(text)
    remaining = None
    if left is not None:
        days, hours, minutes, seconds = (int(part or 0) for part in left.groups())
        remaining = float(days * 86_400 + hours * 3600 + minutes * 60 + seconds)
    return scan.model_copy(
        update={
            "progress": min(1.0, float(done[2]) / 100) if done is not None else None,
            "repaired_bytes": rounded_size(done[1]) if done is not None else None,
            "scanned_bytes": rounded_size(scanned[1]) if scanned is not None else None,
            "total_bytes": rounded_size(scanned[2]) if scanned is not None else None,
            "remaining_seconds": remaining,
        }
    )


def current(scans: list[Scan]) -> Scan | None:
    """Return the scan that counts of those that one pool names: one under way, else the one that ended last."""
    for scan in scans:
        if scan.state in {"running", "paused"}:
            return scan
    timed = [(scan.ended_at, scan) for scan in scans if scan.ended_at is not None]
    if timed and len(timed) == len(scans):
        return max(timed, key=lambda one: one[0])[1]
    return scans[-1] if scans else None
