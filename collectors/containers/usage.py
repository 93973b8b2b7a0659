"""What containers use, out of `docker stats` or `podman stats`, or of the API's ContainerStats.

Source of the formats: docker-stats(1), one JSON object a line with `--format '{{json .}}'`; podman-stats(1), one JSON
list with `--format json`. Of containers that do not run both print zeros, which say nothing. Of the API: Docker Engine
API, ContainerStats; what of it is memory in use, read and written, is what Docker's own program makes of it
(github.com/docker/cli, cli/command/container/stats_helpers.go).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from collectors.containers.amounts import count, duration, percent, size_pair
from collectors.containers.inspection import instant
from collectors.containers.secrecy import read_quietly
from collectors.document import Document
from collectors.errors import ParseError
from schemas.container import ContainerUsage

MOST_LINES = 20_000


@dataclass(frozen=True, slots=True)
class Used:
    """One row: whose it is, by id (or how it begins) and name; `cpu_seconds` since the start, until `at`."""

    id: str
    name: str
    usage: ContainerUsage
    cpu_seconds: float | None = None
    at: datetime | None = None


def read_stats(text: str, *, section: str) -> tuple[Used, ...]:
    """Read the rows of containers that run. ParseError when it is no output of `stats`."""
    return tuple(used for row in _rows(text, section=section) if (used := _used(row)) is not None)


def _rows(text: str, *, section: str) -> Iterator[Document]:
    if text.lstrip().startswith("["):
        yield from read_quietly(text, section=section).items()
        return
    for number, line in enumerate(text.split("\n"), 1):
        if number > MOST_LINES:
            raise ParseError(f"more than {MOST_LINES} lines", section=section)
        if line.strip():
            yield read_quietly(line, section=f"{section}, line {number}")


def _used(row: Document) -> Used | None:
    return _podman(row) if "cpu_percent" in row.mapping() or "mem_usage" in row.mapping() else _docker(row)


def _docker(row: Document) -> Used | None:
    # `Container` is the id or the name that it was asked by, and cut; `ID` came with Docker 18.
    own = row.at("ID").text() or row.at("Container").text() or ""
    names = {"memory": "MemUsage", "block": "BlockIO", "network": "NetIO", "pids": "PIDs"}
    usage = _usage(row, names, cpu=percent(row.at("CPUPerc")))
    return Used(own, (row.at("Name").text() or "").lstrip("/"), usage) if usage is not None else None


def _podman(row: Document) -> Used | None:
    # With --no-stream `cpu_percent` is the mean since the container started: what counts is `cpu_time`, of two looks.
    seconds = duration(row.at("cpu_time"))
    names = {"memory": "mem_usage", "block": "block_io", "network": "net_io", "pids": "pids"}
    usage = _usage(row, names, cpu=percent(row.at("cpu_percent")) if seconds is None else None)
    if usage is None:
        return None
    return Used(row.at("id").text() or "", row.at("name").text() or "", usage, seconds)


def read_api_stats(text: str, *, section: str) -> Used | None:
    """Read one answer of the API; None of a container that does not run. ParseError when it is none."""
    row = read_quietly(text, section=section)
    memory, processes = row.at("memory_stats"), row.at("pids_stats", "current").whole()
    used = _memory(memory)
    if not processes and not used:
        return None
    received, sent = _network(row.at("networks"))
    read, written = _blocks(row.at("blkio_stats", "io_service_bytes_recursive"))
    nanoseconds = row.at("cpu_stats", "cpu_usage", "total_usage").whole()
    usage = ContainerUsage(
        memory_bytes=used,
        block_read_bytes=read,
        block_written_bytes=written,
        network_received_bytes=received,
        network_sent_bytes=sent,
        processes=processes or None,
    )
    return Used(
        row.at("id").text() or "",
        (row.at("name").text() or "").lstrip("/"),
        usage,
        nanoseconds / 1e9 if nanoseconds is not None else None,
        at=instant(row.at("read")),
    )


def _memory(memory: Document) -> int | None:
    """Return bytes in use without what the kernel keeps of files and can let go at any time."""
    usage = memory.at("usage").whole()
    if usage is None or memory.at("limit").whole() == 0:
        return None
    inactive = memory.at("stats", "total_inactive_file").whole() or memory.at("stats", "inactive_file").whole() or 0
    return usage - inactive if inactive < usage else usage


def _network(networks: Document) -> tuple[int | None, int | None]:
    """Return bytes received and sent over all of a container's networks."""
    if networks.value is None:
        return None, None
    each = [network for _, network in networks.fields()]
    received, sent = (sum(one.at(name).whole() or 0 for one in each) for name in ("rx_bytes", "tx_bytes"))
    return received, sent


def _blocks(rows: Document) -> tuple[int, int]:
    """Return bytes read and written; no rows: nothing yet."""
    totals = {"r": 0, "w": 0}
    for row in rows.items():
        which = (row.at("op").text() or "").lower()[:1]
        if which in totals:
            totals[which] += row.at("value").whole() or 0
    return totals["r"], totals["w"]


def _usage(row: Document, names: Mapping[str, str], *, cpu: float | None) -> ContainerUsage | None:
    memory, limit = size_pair(row.at(names["memory"]))
    read, written = size_pair(row.at(names["block"]))
    received, sent = size_pair(row.at(names["network"]))
    processes = count(row.at(names["pids"]))
    if not processes and not memory and not limit:
        return None
    known = limit is None or limit > 0
    return ContainerUsage(
        cpu_utilization=cpu,
        memory_bytes=memory if known else None,
        block_read_bytes=read,
        block_written_bytes=written,
        network_received_bytes=received,
        network_sent_bytes=sent,
        # What runs has at least one: 0 is printed where the kernel does not count them.
        processes=processes or None,
    )
