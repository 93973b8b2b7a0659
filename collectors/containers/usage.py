"""What containers use, out of `docker stats` or `podman stats`.

Source of the formats: docker-stats(1), one JSON object a line with `--format '{{json .}}'`; podman-stats(1), one JSON
list with `--format json`. Of containers that do not run both print zeros, which say nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collectors.containers.amounts import count, duration, percent, size_pair
from collectors.containers.secrecy import read_quietly
from collectors.document import Document
from collectors.errors import ParseError
from schemas.container import ContainerUsage

MOST_LINES = 20_000


@dataclass(frozen=True, slots=True)
class Used:
    """One row: whose it is, by id (or how it begins) and name; `cpu_seconds` since the container started."""

    id: str
    name: str
    usage: ContainerUsage
    cpu_seconds: float | None = None


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
        processes=processes,
    )
