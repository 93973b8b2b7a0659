"""Ten million samples stored: bytes a sample, the compression ratio, and how long each query of the dashboard takes.

20 devices with the series of the system collector, a look each 30 s until now: counters that rise, shares with all
their digits, sizes that hardly change. They come as a sink stores them, hour after hour. Then the rollups are computed,
on TimescaleDB the chunks are compressed, and every query of the shipped dashboard is sent as Grafana would for all
devices: six hours (points of 30 s, answered by the samples), a day (points of two minutes) and all that there is
(points of ten minutes and of an hour, answered by the rollups). The slowest of three times counts.

`python -m benchmarks.stored`; INFRASTRUCTOR_TEST_PG_BIN names a server with TimescaleDB.
"""

import argparse
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from benchmarks.surroundings import ROOT, Stack, stack
from runtime.sql import load_statements
from sinks.timescale.rollups import ROLLUPS
from sinks.timescale.tier import SQL
from tests.grafana_panels import Look, queries, sent

Connection = psycopg.Connection[Any]
STATEMENTS = load_statements(Path(__file__).with_name("stored_sql"))
STEP_S = 30
GOAL_MS = 1000.0
TRIES = 3


MODES = ("user", "nice", "system", "idle", "iowait", "interrupt", "softirq", "steal")
LABELLED: tuple[tuple[str, str, dict[str, tuple[str, ...]]], ...] = (
    ("system.cpu.utilization", "1", {"cpu.mode": MODES}),
    ("system.cpu.utilization", "1", {"cpu.mode": MODES, "cpu.logical_number": ("0", "1", "2", "3")}),
    ("system.cpu.load_average.1m", "{thread}", {}),
    ("system.cpu.load_average.15m", "{thread}", {}),
    ("system.memory.usage", "By", {"system.memory.state": ("used", "free", "buffers", "cached")}),
    ("system.memory.utilization", "1", {"system.memory.state": ("used", "free", "buffers", "cached")}),
    ("system.paging.utilization", "1", {"system.device": ("/dev/sda2",), "system.paging.state": ("used", "free")}),
    ("system.disk.io", "By", {"system.device": ("sda", "sdb", "nvme0n1"), "disk.io.direction": ("read", "write")}),
    ("system.network.io", "By", {
        "network.interface.name": ("lo", "eth0", "wg0"), "network.io.direction": ("receive", "transmit"),
    }),
    ("system.filesystem.usage", "By", {"system.filesystem.mountpoint": ("/", "/home", "/srv")}),
    ("system.filesystem.utilization", "1", {"system.filesystem.mountpoint": ("/", "/home", "/srv")}),
    ("system.linux.psi.pressure", "1", {
        "system.psi.resource": ("cpu", "memory", "io"), "system.psi.stall_type": ("some",),
        "system.psi.window": ("10s", "60s", "300s"),
    }),
    ("hw.temperature", "Cel", {"hw.name": ("k10temp", "nvme", "acpitz")}),
)  # fmt: skip
"""What the system collector tells of one device with four processors: name, unit, labels and their values."""


def series() -> Iterator[tuple[str, str, dict[str, str]]]:
    for name, unit, labels in LABELLED:
        for values in product(*labels.values()):
            yield name, unit, dict(zip(labels, values, strict=True))


def fill(connection: Connection, *, devices: int, samples: int) -> tuple[datetime, datetime]:
    """Store so many samples; return from when to when they are."""
    each = list(series())
    with connection.cursor() as cursor:
        cursor.executemany(
            STATEMENTS["add_series"],
            [
                (uuid.uuid4(), name_of(n), name, unit, Jsonb(labels))
                for n in range(devices)
                for name, unit, labels in each
            ],
        )
        cursor.executemany(STATEMENTS["add_device"], [{"device": name_of(n)} for n in range(devices)])
    connection.commit()
    looks = -(-samples // (devices * len(each)))
    end = datetime.now(UTC).replace(microsecond=0)
    begin = at = end - timedelta(seconds=STEP_S * looks)
    while at < end:
        until = min(end, at + timedelta(hours=1))
        between = {"begin": at, "end": until, "step": timedelta(seconds=STEP_S)}
        for statement in ("add_samples", "add_events", "add_collections"):
            connection.execute(STATEMENTS[statement], between)
        connection.commit()
        at = until
    return begin, end


def name_of(device: int) -> str:
    return f"host-{device:03}"


def roll_up(connection: Connection, begin: datetime, end: datetime) -> bool:
    """Compute the rollups; return whether TimescaleDB keeps them."""
    keepers = {keeper for _, keeper in connection.execute(SQL["keepers_of_rollups"]).fetchall()}
    connection.commit()
    connection.autocommit = True
    for rollup in ROLLUPS:
        if keepers == {"sink"}:
            # Stretch after stretch, as time goes by: rows then lie as they do in a table that grew.
            at = begin.replace(hour=0, minute=0, second=0)
            while at < end:
                until = at + max(rollup.step, timedelta(hours=1))
                connection.execute(SQL[f"compute_{rollup.short}"], {"begin": at, "end": until})
                at = until
        else:
            refresh(connection, rollup.name)
    connection.execute("VACUUM (ANALYZE)")
    return keepers != {"sink"}


def refresh(connection: Connection, rollup: str) -> None:
    """Compute a continuous aggregate whole; its policy may be at it at the same time, then once more."""
    for _ in range(120):
        try:
            connection.execute(SQL["refresh_rollup"], {"rollup": rollup})
            return
        except psycopg.errors.LockNotAvailable:
            time.sleep(1)
    raise TimeoutError(f"{rollup} is being refreshed for two minutes by somebody else")


def cli(made: Stack, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=ROOT, env=made.environment_of_process, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip


def sizes(made: Stack) -> dict[str, Any]:
    """What `infrastructor db stats` says of the samples."""
    found = json.loads(cli(made, "db", "stats", "--json", "--interval", "0.1", "--exact"))
    (table,) = (one for one in found["tables"] if one["name"] == "metric_samples")
    compression = table.get("compression") or {}
    return {
        "samples": found["samples"],
        "bytes_a_sample": round(found["bytes_a_sample"], 1),
        "compression_ratio": round(compression["ratio"], 1) if compression.get("ratio") else None,
    }


def compress(made: Stack, connection: Connection) -> float:
    """Every chunk of the samples into columns, as the policy does once they are full; return the seconds it took."""
    database = str(connection.info.dbname)
    cli(made, "db", "compression", "apply", "--database", database)
    begun = time.perf_counter()
    for (chunk,) in connection.execute(STATEMENTS["chunks"]).fetchall():
        connection.execute(STATEMENTS["compress"], {"chunk": chunk})
    took = time.perf_counter() - begun
    connection.execute("VACUUM (ANALYZE)")
    return took


def ranges(begin: datetime, end: datetime) -> dict[str, tuple[datetime, int]]:
    """From when, and how many seconds a point is wide."""
    return {
        "6 h": (end - timedelta(hours=6), 30),
        "24 h": (end - timedelta(hours=24), 120),
        "all": (begin, 600),
        "all, by the hour": (begin, 3600),
    }


def asked(connection: Connection, begin: datetime, end: datetime, *, devices: int) -> float:
    """Send every query for every range; print the slowest of its times in ms; return the slowest of all."""
    names = [name_of(n) for n in range(devices)]
    wanted = ranges(begin, end)
    print("  " + f"{'ms':<24}" + "".join(f"{name:>18}" for name in wanted))
    slowest = 0.0
    for query in queries():
        line = []
        for since, interval_s in wanted.values():
            statement = sent(query.sql, Look(since, end, interval_s, names)).encode()
            line.append(max(one_time(connection, statement) for _ in range(TRIES)))
        slowest = max(slowest, *line)
        print(f"  {query.panel:<24}" + "".join(f"{one:>18.0f}" for one in line), flush=True)
    return slowest


def one_time(connection: Connection, statement: bytes) -> float:
    begun = time.perf_counter()
    connection.execute(statement).fetchall()
    return (time.perf_counter() - begun) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000_000)
    parser.add_argument("--devices", type=int, default=20)
    options = parser.parse_args()
    with stack(kafka=False) as made, psycopg.connect(made.url) as connection:
        begun = time.perf_counter()
        begin, end = fill(connection, devices=options.devices, samples=options.samples)
        filled = time.perf_counter()
        by_extension = roll_up(connection, begin, end)
        span = (end - begin) / timedelta(hours=1)
        print(
            f"stored {options.samples:,} samples of {options.devices} devices over {span:.0f} h"
            f" in {filled - begun:.0f} s, rollups in {time.perf_counter() - filled:.0f} s"
        )
        print(f"  as rows: {json.dumps(sizes(made))}")
        if by_extension:
            print(f"  compressed in {compress(made, connection):.1f} s: {json.dumps(sizes(made))}")
        slowest = asked(connection, begin, end, devices=options.devices)
        print(f"  slowest {slowest:.0f} ms, goal {GOAL_MS:.0f}: {'held' if slowest <= GOAL_MS else 'NOT HELD'}")
    return 0 if slowest <= GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main())
