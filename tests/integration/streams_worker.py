"""What the tests of the streams worker share: the real process, events sent to the real broker, the log read back."""

import asyncio
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from runtime.kafka.catalog import load_catalog
from runtime.kafka.consumer import read_topics
from runtime.kafka.producer import KafkaProducer, Outgoing
from runtime.settings import KafkaSettings
from schemas.codec import decode, encode
from schemas.record import RawRecord
from schemas.registry import Event
from streams.batch import derive
from streams.derivations import all_derivations
from streams.entries import Entries
from streams.fleet import AnyDerivation
from tests.unit.streams.log_of_events import Log

ROOT = Path(__file__).parents[2]
SESSION_S = 6.0
"""As short as a broker allows by default."""

RULES = """
revision: {revision}
rules:
  - name: high
    severity: warning
    select: {{metric: m}}
    condition: {{kind: above, level: {level}}}
    annotations: {{summary: "{{device}} is at {{value}}"}}
"""


def now() -> datetime:
    return datetime.now(UTC)


class Worker:
    """`infrastructor streams` as a process; a context manager that ends it."""

    def __init__(self, bootstrap: str, folder: Path, **settings: str) -> None:
        self.rules = folder / "rules.yaml"
        if not self.rules.exists():
            self.write_rules(1, 0.9)
        self.log = folder / "streams.log"
        self._env = os.environ | {
            "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
            "INFRASTRUCTOR_KAFKA__SESSION_TIMEOUT_S": str(SESSION_S),
            "INFRASTRUCTOR_KAFKA__HEARTBEAT_S": "1",
            "INFRASTRUCTOR_HTTP__ENABLED": "false",
            "INFRASTRUCTOR_STREAMS__RULES_FILE": str(self.rules),
            "INFRASTRUCTOR_STREAMS__POLICIES_FILE": str(ROOT / "tests" / "policies_at_once.yaml"),
            "INFRASTRUCTOR_STREAMS__RULES_POLL_S": "0.2",
            "INFRASTRUCTOR_STREAMS__TICK_S": "0.25",
            **{f"INFRASTRUCTOR_{name}": value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    def write_rules(self, revision: int, level: float) -> None:
        self.rules.write_text(RULES.format(revision=revision, level=level))

    def start(self) -> None:
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "streams"], cwd=ROOT, env=self._env, stdout=out, stderr=out
            )

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=15)

    def __enter__(self) -> "Worker":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        if sys.exc_info()[0] is not None or "read again" in self.log.read_text(errors="replace"):
            print(self.log.read_text(errors="replace")[-8000:])


async def send(settings: KafkaSettings, raws: Iterable[RawRecord], *, partition: int | None = None) -> None:
    """Send records as they are, each where its key belongs, or into one partition."""
    producer = KafkaProducer(settings, "test")
    try:
        await producer.send([Outgoing(raw.topic, raw.key, raw.value, raw.headers, partition) for raw in raws])
    finally:
        await producer.close()


async def read(settings: KafkaSettings, *topics: str) -> list[RawRecord]:
    return [raw async for raw in read_topics(settings, topics)]


def events(raws: Iterable[RawRecord], *, ours_only: bool = True) -> list[Event]:
    """The events in records, ticks and rules apart, each id once."""
    found: dict[str, Event] = {}
    for raw in raws:
        assert raw.value is not None
        event = decode(raw.value)
        if not ours_only or not event.source.startswith(("/streams/clock", "/streams/rules")):
            found.setdefault(str(event.id), event)
    return list(found.values())


async def logged(worker: Worker, text: str) -> bool:
    """Whether a worker has said something; for `until`."""
    return text in worker.log.read_text(errors="replace")


async def until(what: Callable[[], Any], *, seconds: float = 60.0) -> Any:
    """Wait until an async function returns something true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := await what()):
        assert time.monotonic() < deadline, "waited too long"
        await asyncio.sleep(0.2)
    return found


def raws_of(*logs: Log) -> list[RawRecord]:
    """The records of several logs, one of each in turn."""
    longest = max(len(log.raws) for log in logs)
    return [log.raws[index] for index in range(longest) for log in logs if index < len(log.raws)]


async def applied_offsets(settings: KafkaSettings, derivation: AnyDerivation) -> dict[int, int]:
    """By partition, the last offset whose results are stored, as the changelog has it."""
    changelog = load_catalog(settings).changelog(derivation.table)
    entries = Entries()
    for raw in await read(settings, changelog):
        entries.take(raw)
    return {
        int(key.split(b"|")[0]): orjson.loads(value)["offset"]
        for key, value in entries.values.items()
        if key.endswith(b"|_partition")
    }


async def compare_with_the_fold(settings: KafkaSettings) -> dict[str, int]:
    """Derive everything again, and assert that the topics hold that and nothing else; return how many by derivation.

    Of records whose results are not stored, what follows may be there: a worker that had to leave in a hurry sent it.
    """
    counts: dict[str, int] = {}
    for derivation in all_derivations():
        applied = await applied_offsets(settings, derivation)
        raws = await read(settings, derivation.reads)
        follows = {str(one.event.id): encode(one.event) for one in derive(derivation, raws)}
        dealt_with = [raw for raw in raws if raw.offset <= applied.get(raw.partition, -1)]
        due = {str(one.event.id) for one in derive(derivation, dealt_with)}
        stored: dict[str, set[bytes]] = defaultdict(set)
        sequences: dict[str, int] = defaultdict(int)
        for raw in await read(settings, derivation.writes):
            assert raw.value is not None
            event = decode(raw.value)
            if event.source != derivation.source:
                continue
            stored[str(event.id)].add(raw.value)
            assert event.sequence is not None
            if event.sequence > sequences[event.subject]:
                assert event.sequence == sequences[event.subject] + 1, "a hole in the sequences"
                sequences[event.subject] = event.sequence
        expected = {one: value for one, value in follows.items() if one in due or one in stored}
        missing, extra = set(expected) - set(stored), set(stored) - set(expected)
        assert not missing, f"{derivation.name}: derived, but not in the topic: {[expected[one] for one in missing]}"
        assert not extra, f"{derivation.name}: in the topic, but not derived: {[stored[one] for one in extra]}"
        assert all(values == {expected[one]} for one, values in stored.items()), derivation.name
        assert sum(sequences.values()) == len(expected), derivation.name
        counts[derivation.name] = len(expected)
    return counts


async def all_applied(settings: KafkaSettings, worker: Worker) -> None:
    """Wait until every record that is in the log now is applied and stored."""
    for derivation in all_derivations():
        ends = {raw.partition: raw.offset for raw in await read(settings, derivation.reads)}
        await until(partial(_is_applied, settings, derivation, ends=ends, worker=worker))


async def _is_applied(
    settings: KafkaSettings, derivation: AnyDerivation, *, ends: dict[int, int], worker: Worker
) -> bool:
    assert worker.process.poll() is None, "the worker ended"
    stored = await applied_offsets(settings, derivation)
    return all(stored.get(partition, -1) >= end for partition, end in ends.items())
