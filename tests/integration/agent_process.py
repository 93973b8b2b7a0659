"""The real agent as a process, and what of it reached Kafka."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from collectors.settings import spool_path
from deploy.local.broker import Broker
from runtime.kafka.consumer import read_topics
from runtime.settings import KafkaSettings
from schemas.codec import decode
from schemas.identity import sequence_scope
from schemas.record import RawRecord
from schemas.registry import COLLECTIONS, DEVICES, METRICS, Event

TOPICS = (METRICS, COLLECTIONS, DEVICES)
ROOT = Path(__file__).parents[2]


def numbered_in(data_dir: Path) -> dict[str, int]:
    """Return the last number given out, by topic."""
    database = sqlite3.connect(spool_path(data_dir))
    try:
        return {topic: following - 1 for topic, following in database.execute("SELECT topic, next FROM streams")}
    finally:
        database.close()


@dataclass
class AgentProcess:
    """Starts and stops `infrastructor agent` on one data folder."""

    bootstrap: str
    data_dir: Path
    device: str
    interval_s: float = 0.2
    more: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    @property
    def log(self) -> str:
        return "".join(path.read_text() for path in sorted(self.data_dir.glob("log-*")))

    def spawn(self) -> "subprocess.Popen[bytes]":
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.runs += 1
        env = {
            **os.environ,
            "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": self.bootstrap,
            "INFRASTRUCTOR_DATA_DIR": str(self.data_dir),
            "INFRASTRUCTOR_AGENT__DEVICE_ID": self.device,
            "INFRASTRUCTOR_AGENT__INTERVAL_S": str(self.interval_s),
            "INFRASTRUCTOR_AGENT__IDENTITY_INTERVAL_S": "1",
            "INFRASTRUCTOR_AGENT__COLLECTORS": "identity,system",
            "INFRASTRUCTOR_HTTP__ENABLED": "false",
            "INFRASTRUCTOR_LOG__FORMAT": "json",
            "PYTHONPATH": str(ROOT),
            **self.more,
        }
        with (self.data_dir / f"log-{self.runs:03d}").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "cli.main", "agent"], env=env, stderr=log, stdout=log, cwd=self.data_dir
            )

    @contextlib.contextmanager
    def running(self) -> Iterator["subprocess.Popen[bytes]"]:
        process = self.spawn()
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()

    async def until_it_looks(self) -> None:
        """Wait until the newest run has kept something: then it also knows what to do with a signal."""
        before, deadline = numbered_in(self.data_dir), time.monotonic() + 30
        while numbered_in(self.data_dir) == before:
            assert time.monotonic() < deadline, self.log
            await asyncio.sleep(0.1)

    def ended(self, process: "subprocess.Popen[bytes]") -> int:
        """Ask it to stop; return the exit code."""
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=12)


async def stored(broker: Broker, device: str) -> list[tuple[RawRecord, Event]]:
    """Return what of one device is in Kafka, in order within each topic."""
    settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,))
    found = [raw async for raw in read_topics(settings, TOPICS, patience_s=60)]
    ours = [raw for raw in found if raw.key == device.encode()]
    return [(raw, decode(raw.value or b"")) for raw in sorted(ours, key=lambda raw: (raw.topic, raw.offset))]


def holes(found: list[tuple[RawRecord, Event]]) -> list[str]:
    """Return a sentence for each number that is missing, or that was overtaken by a later one of its stream."""
    streams: dict[tuple[str, str], list[int]] = defaultdict(list)
    for raw, event in found:
        streams[sequence_scope(event.source), raw.topic].append(event.sequence or 0)
    wrong = []
    for stream, numbers in streams.items():
        newest = 0
        for number in numbers:
            if number > newest + 1:
                wrong.append(f"{stream}: {newest + 1} to {number - 1} missing before {number}")
            newest = max(newest, number)
    return wrong


def wait_for(what: str, condition: Callable[[], bool], *, within: float = 30) -> None:
    """Poll until true."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what}")
        time.sleep(0.05)
