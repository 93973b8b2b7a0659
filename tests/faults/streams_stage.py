"""Several streams workers on one broker, what is done to them, and the judgement of what they left in the topics.

The judgement reads the topics afterwards and derives everything from them again with the pure cores: by id, nothing may
be missing, nothing may be there that does not follow, and each must have the content that follows.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from deploy.local.broker import Broker
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.settings import KafkaSettings
from schemas.codec import encode
from schemas.record import RawRecord
from streams.batch import Deriver
from streams.derivations import all_derivations
from streams.fleet import AnyDerivation
from tests.faults import oracle
from tests.faults.oracle import Seen
from tests.faults.streams_books import Books
from tests.integration.streams_worker import SESSION_S, Worker, applied_offsets, read

TOPICS = (
    "infra.metrics",
    "infra.observations",
    "infra.collections",
    "infra.status",
    "infra.alerts",
    "infra.notifications",
    "infra.dead-letters",
)
PAUSED, KAFKA_AWAY = 75, 69
"""How a worker may end by itself: it stood still (or its watchdog ended it); Kafka was away for too long."""

AT_REST_S = 60.0

Document = dict[str, Any]
Derived = Mapping[str, Mapping[str, Document]]
"""By derivation, by id: what follows from the topics."""


class Output(NamedTuple):
    """A derivation, and where its events lie."""

    name: str
    source: str
    topic: str


OUTPUTS = tuple(Output(one.name, one.source, one.writes) for one in all_derivations())


def seed_of_this_run() -> int:
    seed = int(os.environ.get("INFRASTRUCTOR_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed {seed} (repeat with INFRASTRUCTOR_TEST_SEED={seed})")
    return seed


def settings_of(broker: Broker) -> KafkaSettings:
    return KafkaSettings(
        bootstrap_servers=(broker.bootstrap,), session_timeout_s=SESSION_S, heartbeat_s=1, patience_s=5
    )


class Stage:
    """Workers by number, tended as a supervisor would; the broker; the files of rules and policies."""

    def __init__(self, broker: Broker, folder: Path, *, workers: int, **settings: str) -> None:
        self.broker = broker
        self.settings = settings_of(broker)
        self.books = Books(folder)
        self.left: list[int] = []
        self.done: list[str] = []
        self._folder = folder
        self._more = {
            "STREAMS__RULES_FILE": str(self.books.rules_file),
            "STREAMS__POLICIES_FILE": str(self.books.policies_file),
            "STREAMS__TICK_S": "0.5",
            "STREAMS__STUCK_S": "20",
            **settings,
        }
        self.workers = [self._worker(number) for number in range(workers)]
        self.running: set[Worker] = set()

    def _worker(self, number: int) -> Worker:
        folder = self._folder / f"worker-{number}"
        folder.mkdir()
        return Worker(self.broker.bootstrap, folder, **self._more)

    def note(self, what: str) -> None:
        self.done.append(f"{time.strftime('%H:%M:%S')} {what}")

    def start(self, worker: Worker) -> None:
        worker.start()
        self.running.add(worker)

    def kill(self, worker: Worker) -> None:
        self.running.discard(worker)
        worker.kill()

    def tend(self) -> None:
        """Start again who ended by himself."""
        for worker in self.running:
            if (code := worker.process.poll()) is not None:
                self.left.append(code)
                self.note(f"{worker.log.parent.name} ended with {code}")
                worker.start()

    async def for_a_while(self, seconds: float) -> None:
        """Let things go on, tended."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.tend()
            await asyncio.sleep(min(0.25, left))

    async def terminate(self, worker: Worker) -> None:
        """Ask a worker to end; it must do so in time. One that has only just been started is ended by the signal."""
        self.running.discard(worker)
        code = await asyncio.to_thread(worker.terminate)
        assert code in {0, -signal.SIGTERM}, self.story(worker.log.read_text(errors="replace")[-3000:])

    async def freeze(self, worker: Worker, seconds: float) -> None:
        """SIGSTOP for so long, then SIGCONT."""
        worker.process.send_signal(signal.SIGSTOP)
        try:
            await self.for_a_while(seconds)
        finally:
            worker.process.send_signal(signal.SIGCONT)

    async def bounce_broker(self, away_s: float) -> None:
        await asyncio.to_thread(self.broker.kill)
        await asyncio.sleep(away_s)
        await asyncio.to_thread(self.broker.start)

    async def at_rest(self) -> None:
        """Wait until all that is in the log now is applied and stored, whoever does it."""
        ends = {
            one.name: {raw.partition: raw.offset for raw in await read(self.settings, one.reads)}
            for one in all_derivations()
        }
        deadline = time.monotonic() + AT_REST_S
        while behind := await self._behind(ends):
            assert time.monotonic() < deadline, self.story(f"not applied after {AT_REST_S:g} s: {behind}")
            await self.for_a_while(0.5)

    async def _behind(self, ends: Mapping[str, Mapping[int, int]]) -> list[str]:
        found = []
        for one in all_derivations():
            stored = await applied_offsets(self.settings, one)
            found += [
                f"{one.reads}/{partition} at {stored.get(partition, -1)} of {end}"
                for partition, end in ends[one.name].items()
                if stored.get(partition, -1) < end
            ]
        return found

    async def all_end(self) -> None:
        """Ask all who run to end, one after the other: each leaves what it owns to those who are left."""
        for worker in list(self.running):
            await self.terminate(worker)

    def story(self, *problems: str) -> str:
        """What was done and what went wrong; the logs of the workers are kept where they are."""
        logs = [f"--- {one.log}\n{_end_of(one.log)}" for one in self.workers if one.log.exists()]
        return "\n".join([*self.done, *problems, *logs])


def _end_of(log: Path, lines: int = 25) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


@contextlib.asynccontextmanager
async def on_stage(stage: Stage) -> AsyncIterator[Stage]:
    """Topics are made and the workers started; whatever happens, none is left."""
    await apply_topics(stage.settings, load_catalog(stage.settings))
    try:
        for worker in stage.workers:
            stage.start(worker)
        yield stage
    finally:
        for worker in stage.running:
            with contextlib.suppress(ProcessLookupError):
                worker.process.send_signal(signal.SIGCONT)
            if worker.process.poll() is None:
                worker.kill()


async def judge(stage: Stage) -> tuple[dict[str, list[Seen]], Derived]:
    """Hold the topics against what the pure cores make of them; all workers have ended. Returns both."""
    applied = {one.name: await applied_offsets(stage.settings, one) for one in all_derivations()}
    topics = await oracle.read_topics(stage.broker.bootstrap, TOPICS)
    derived = derive_again(topics, applied)
    problems = differences(topics, derived)
    assert not topics["infra.dead-letters"], stage.story(str(topics["infra.dead-letters"][:3]))
    assert not problems, stage.story(*problems)
    odd = [code for code in stage.left if code not in {PAUSED, KAFKA_AWAY}]
    assert not odd, stage.story(f"workers ended with {odd}")
    print("\n".join(stage.done))
    print({name: len(events) for name, events in derived.items()})
    return topics, derived


def derive_again(topics: Mapping[str, list[Seen]], applied: Mapping[str, Mapping[int, int]]) -> Derived:
    """What follows; of the records that no worker has dealt with in whole only what is there already."""
    there = {one.id for one in oracle.events_of(dict(topics))}
    return {one.name: _derive(one, topics[one.reads], applied[one.name], there) for one in all_derivations()}


def _derive(
    derivation: AnyDerivation, records: Iterable[Seen], applied: Mapping[int, int], there: set[str]
) -> dict[str, Document]:
    deriver, found = Deriver(derivation), {}
    for s in records:
        raw = RawRecord(s.topic, s.partition, s.offset, s.appended_ms, s.key, s.value, s.headers)
        for one in deriver.feed(raw):
            event = json.loads(encode(one.event))
            if s.offset <= applied.get(s.partition, -1) or event["id"] in there:
                found[event["id"]] = event
    return found


def differences(topics: dict[str, list[Seen]], derived: Derived) -> list[str]:
    """What is missing, what does not follow, what has another content; and whether all stands in sequence."""
    wrong = oracle.sequences_whole(topics) + oracle.order_kept(topics)
    for output in OUTPUTS:
        found = [one for one in topics[output.topic] if one.event and one.event["source"] == output.source]
        wrong += oracle.same_events(output.name, dict(derived[output.name]), found)
    return wrong
