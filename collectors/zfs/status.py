"""`zpool status -p` as text: state, what is wrong, scan, devices with their error counts.

Source of the format: zpool-status(8), status_callback() and print_status_config() in cmd/zpool/zpool_main.c.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from collectors.errors import ParseError
from collectors.zfs.scan import LONGEST, current, read_scan
from collectors.zfs.words import count, name, word
from schemas.pool import PoolDevice, Scan

_KEY = re.compile(r"^ {0,4}([a-z]{2,16}):(?: (.*))?$")
_VDEV = re.compile(r"(mirror|raidz[1-3]?|draid[1-3]?|replacing|spare)(?::[0-9a-z:]{1,60})?-[0-9]{1,6}")
_DISTRIBUTED_SPARE = re.compile(r"draid[1-3]-[0-9]{1,6}-[0-9]{1,6}")
_ERRORS = re.compile(r"([0-9]{1,19}) data errors?, use '-v' for a list")
MOST_DEVICES = 4096
CLASSES = {"logs": "log", "cache": "cache", "spares": "spare", "special": "special", "dedup": "dedup"}
"""Headings of the devices that hold no ordinary data, and the kind of those directly under them."""


@dataclass(frozen=True, slots=True)
class Status:
    """What one pool's status says; `errors` are the pool's own counts: read, write, checksum."""

    name: str
    state: str = "unknown"
    status: str | None = None
    action: str | None = None
    scan: Scan | None = None
    data_errors: int | None = None
    guid: str | None = None
    devices: tuple[PoolDevice, ...] = ()
    errors: tuple[int | None, int | None, int | None] = (None, None, None)


@dataclass(slots=True)
class _Paragraphs:
    """The lines of one pool, by the key that they stand under."""

    pool: str
    line: int
    texts: dict[str, list[str]] = field(default_factory=dict)
    scans: list[list[str]] = field(default_factory=list)
    config: list[tuple[int, str]] = field(default_factory=list)


def read_status(text: str, *, section: str, utc: bool) -> dict[str, Status]:
    """Read all pools; `utc` when the times are in UTC. ParseError names the line."""
    found = {}
    for paragraphs in _pools(text, section=section):
        found[paragraphs.pool] = _status(paragraphs, section=section, utc=utc)
    return found


def _pools(text: str, *, section: str) -> Iterator[_Paragraphs]:
    pool: _Paragraphs | None = None
    under = ""
    for number, line in enumerate(text.split("\n"), 1):
        match = _KEY.match(line[:LONGEST])
        if match is not None and match[1] == "pool":
            if pool is not None:
                yield pool
            label = name(match[2] or "")
            if label is None:
                raise ParseError("a pool without a name", section=section, line=number, text=line)
            pool, under = _Paragraphs(label, number), ""
        elif pool is not None and match is not None:
            under = match[1]
            _begin(pool, under, match[2] or "")
        elif pool is not None and line.strip():
            _go_on(pool, under, line=line, number=number)
    if pool is not None:
        yield pool


def _begin(pool: _Paragraphs, key: str, text: str) -> None:
    if key in {"scan", "scrub"}:
        pool.scans.append([text])
    else:
        pool.texts[key] = [text]


def _go_on(pool: _Paragraphs, key: str, *, line: str, number: int) -> None:
    if key == "config":
        pool.config.append((number, line))
    elif key in {"scan", "scrub"} and pool.scans:
        # The day of ctime(3) has two blanks before its one digit: only the margin goes.
        pool.scans[-1].append(line.strip())
    elif key in pool.texts and len(pool.texts[key]) < 100:
        pool.texts[key].append(line.strip())


def _status(pool: _Paragraphs, *, section: str, utc: bool) -> Status:
    if "state" not in pool.texts:
        raise ParseError(f"pool {pool.pool} has no state", section=section, line=pool.line)
    scans = [read_scan("\n".join(lines[:20]), utc=utc) for lines in pool.scans]
    devices, errors = _devices(pool.config, section=section)
    return Status(
        name=pool.pool,
        state=word(pool.texts["state"][0].strip(), section=section, line=pool.line),
        status=_sentence(pool.texts.get("status")),
        action=_sentence(pool.texts.get("action")),
        scan=current([scan for scan in scans if scan is not None]),
        data_errors=_data_errors(pool.texts.get("errors")),
        devices=devices,
        errors=errors,
    )


def _sentence(lines: list[str] | None) -> str | None:
    return sentence(" ".join(lines)) if lines else None


def sentence(text: str) -> str | None:
    """Return a paragraph as one line; `OK` is what JSON says of a pool that has nothing."""
    joined = " ".join(text.replace("\x00", "").split())[:4096]
    return joined if joined and joined != "OK" else None


def _data_errors(lines: list[str] | None) -> int | None:
    text = (lines or [""])[0][:LONGEST]
    if text.startswith("No known data errors"):
        return 0
    match = _ERRORS.match(text)
    if match is not None:
        return int(match[1]) if int(match[1]) < 2**63 else None
    # With -v the files follow, one a line.
    if text.startswith("Permanent errors have been detected"):
        return len(lines or ()) - 1 if len(lines or ()) < 100 else None
    return None


Counts = tuple[int | None, int | None, int | None]


def _devices(lines: list[tuple[int, str]], *, section: str) -> tuple[tuple[PoolDevice, ...], Counts]:
    """Return the devices below the pool, and the pool's own counts."""
    if not lines:
        return (), (None, None, None)
    number, heading = lines[0]
    columns = heading.split()
    if columns[:2] != ["NAME", "STATE"]:
        raise ParseError("no heading NAME STATE", section=section, line=number, text=heading)
    margin, state_at = heading.index("NAME"), heading.index("STATE")
    errors: Counts = (None, None, None)
    devices: list[PoolDevice] = []
    above: list[tuple[int, str]] = []
    group: str | None = None
    for number, line in lines[1:]:
        label, rest = _cells(line, state_at)
        depth = len(line) - len(line.lstrip()) - margin
        if not rest and depth <= 0 and label in CLASSES:
            group, above = CLASSES[label], []
            continue
        row = _row(label, rest, len(columns) - 2, section=section, line=number)
        if depth <= 0:
            group, above, errors = None, [], row.counts
            continue
        while above and above[-1][0] >= depth:
            above.pop()
        if len(devices) == MOST_DEVICES:
            raise ParseError(f"more than {MOST_DEVICES} devices", section=section, line=number)
        devices.append(_device(row, above[-1][1] if above else None, group))
        above.append((depth, row.name))
    return tuple(devices), errors


def _cells(line: str, state_at: int) -> tuple[str, list[str]]:
    """Return the name, which may have blanks in it, and the columns after it."""
    if len(line) > state_at and line[state_at - 1 : state_at].isspace() and not line[state_at].isspace():
        return line[:state_at].strip(), line[state_at : state_at + LONGEST].split()
    fields = line[: 2 * LONGEST].split()
    return fields[0], fields[1:]


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    state: str
    counts: Counts
    note: str | None


def _row(label: str, rest: list[str], columns: int, *, section: str, line: int) -> _Row:
    device = name(label)
    if device is None or not rest:
        raise ParseError("a device without a state", section=section, line=line, text=label)
    state = word(rest[0], section=section, line=line)
    if state in {"avail", "inuse"}:
        return _Row(device, state, (None, None, None), sentence(" ".join(rest[1:])))
    if len(rest) < 4:
        raise ParseError("fewer than three counts", section=section, line=line, text=" ".join(rest))
    read, write, checksum = (count(text, section=section, line=line) for text in rest[1:4])
    # -s, -d and --power add columns before the note.
    return _Row(device, state, (read, write, checksum), sentence(" ".join(rest[1 + columns :])))


def _device(row: _Row, parent: str | None, group: str | None) -> PoolDevice:
    read, write, checksum = row.counts
    was = (row.note or "").removeprefix("was ") if (row.note or "").startswith("was /") else ""
    return PoolDevice(
        name=row.name,
        kind=group if group and parent is None else kind_of(row.name),
        parent=parent,
        path=was or (row.name if row.name.startswith("/") else None),
        state=row.state,
        read_errors=read,
        write_errors=write,
        checksum_errors=checksum,
        note=row.note,
    )


def kind_of(device: str) -> str:
    """Return what a device is by its name: `mirror-0`, `raidz2-1`, `draid1:4d:9c:1s-0`, else a disk or a file."""
    match = _VDEV.fullmatch(device)
    if match is not None:
        return match[1]
    if _DISTRIBUTED_SPARE.fullmatch(device):
        return "spare"
    return "file" if device.startswith("/") else "disk"
