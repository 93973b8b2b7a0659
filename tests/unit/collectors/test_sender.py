"""From the spool to a log in memory that fails in every way it may."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from prometheus_client import CollectorRegistry

from collectors.link import Link
from collectors.sender import Round, Sender
from collectors.skew import SkewMeter
from collectors.spool.draft import Commit
from collectors.spool.spool import Spool, Taken
from runtime.clock import SystemClock
from runtime.errors import KafkaUnavailable, SpoolUnusable
from runtime.health import Readiness
from runtime.kafka.dead_letters import from_record
from runtime.kafka.producer import Acknowledged, Outgoing, SendFailed, Sending
from runtime.metrics import KafkaMetrics
from schemas.codec import decode
from schemas.headers import SENT, header_number
from schemas.record import RawRecord
from schemas.registry import COLLECTIONS, DEAD_LETTERS, METRICS
from tests.contract.memory_log import MemoryLog
from tests.unit.collectors.spooling import Bench


@dataclass
class Unreliable:
    """A log that appends the beginning of each partition's records and acknowledges the beginning of those."""

    log: MemoryLog
    random: Random
    failures: int
    closed: int = 0
    hang: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        if not self.failures:
            return await self.log.send(records)
        self.failures -= 1
        appended = await self.log.send(records)
        by_partition: dict[tuple[str, int], list[int]] = {}
        for index, place in enumerate(appended):
            by_partition.setdefault((place.topic, place.partition), []).append(index)
        told: dict[int, Acknowledged] = {}
        for (topic, partition), indexes in by_partition.items():
            kept = self.random.randint(0, len(indexes))
            del self.log.logs[topic][partition][len(self.log.logs[topic][partition]) - len(indexes) + kept :]
            told |= {index: appended[index] for index in indexes[: self.random.randint(0, kept)]}
        raise SendFailed(KafkaUnavailable("cut", operation="send"), acknowledged=told, refused={})

    async def close(self) -> None:
        self.closed += 1


@dataclass
class World:
    bench: Bench
    spool: Spool
    log: MemoryLog
    readiness: Readiness
    skew: SkewMeter

    @contextlib.asynccontextmanager
    async def sending(self, producer: Sending, bounds: Round | None = None) -> AsyncIterator[Sender]:
        clock = _Impatient()
        sender = Sender(
            self.spool,
            producer,
            clock=clock,
            link=Link(self.readiness),
            metrics=KafkaMetrics.on(CollectorRegistry()),
            skew=self.skew,
            bounds=bounds,
        )
        task = asyncio.create_task(sender.run())
        try:
            yield sender
        finally:
            task.cancel()
            await asyncio.wait({task})

    def kafka_is_ready(self) -> bool:
        return self.readiness.conditions["kafka"].ok

    def numbers(self, topic: str, subject: str) -> list[int]:
        events = [decode(raw.value or b"") for raw in self.log.records(topic) if raw.key == subject.encode()]
        return [event.sequence or 0 for event in events]


class _Impatient(SystemClock):
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.001))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    bench = Bench(tmp_path, SystemClock())
    spool = bench.open()
    log = MemoryLog({METRICS: 12, COLLECTIONS: 12, DEAD_LETTERS: 1}, clock=bench.clock)
    world = World(bench, spool, log, Readiness(), SkewMeter())
    yield world
    await world.spool.close()


def skipping_repeats(numbers: list[int]) -> list[int]:
    """Return what a reader applies: numbers that are newer than the last."""
    applied: list[int] = []
    for number in numbers:
        if not applied or number > applied[-1]:
            applied.append(number)
    return applied


async def test_all_arrives_in_sequence_and_leaves_the_spool(world: World) -> None:
    for n in range(60):
        await world.spool.commit(world.bench.look(f"web-{n % 3}"))
    async with world.sending(world.log) as sender:
        await asyncio.wait_for(sender.idle.wait(), 10)
    for subject in ("web-0", "web-1", "web-2"):
        assert world.numbers(METRICS, subject) == list(range(1, 21))
        assert world.numbers(COLLECTIONS, subject) == list(range(1, 21))
    assert (await world.spool.counts()).events == 0
    assert world.kafka_is_ready()
    assert world.skew.seconds is not None
    raw: RawRecord = world.log.records(METRICS)[0]
    assert header_number(raw.headers, SENT) == pytest.approx(world.bench.clock.now_ms(), abs=10_000)


@pytest.mark.parametrize("seed", range(20))
async def test_readers_lose_nothing_whatever_part_of_a_batch_fails(world: World, seed: int) -> None:
    producer = Unreliable(world.log, Random(seed), failures=30)
    async with world.sending(producer, Round(max_events=50)) as sender:
        for n in range(200):
            await world.spool.commit(world.bench.look(f"web-{n % 5}"))
        await asyncio.wait_for(sender.idle.wait(), 20)
        assert (await world.spool.counts()).events == 0
    for subject in range(5):
        for topic in (METRICS, COLLECTIONS):
            assert skipping_repeats(world.numbers(topic, f"web-{subject}")) == list(range(1, 41))


async def test_of_a_backlog_the_next_round_is_read_while_one_is_under_way(world: World) -> None:
    for n in range(60):
        await world.spool.commit(world.bench.look(f"web-{n % 3}"))
    reads: list[int] = []
    take = world.spool.take

    async def watched(*, max_events: int, max_bytes: int) -> Taken:
        taken = await take(max_events=max_events, max_bytes=max_bytes)
        reads.append(len(taken.events))
        return taken

    class Waiting(Unreliable):
        """Acknowledges nothing before the next round was read."""

        async def send(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
            before = len(reads)
            while len(self.log.records(METRICS)) < 40 and len(reads) == before:
                await asyncio.sleep(0.001)
            return await self.log.send(records)

    world.spool.take = watched  # type: ignore[method-assign]
    async with world.sending(Waiting(world.log, Random(0), failures=0), Round(max_events=12)) as sender:
        await asyncio.wait_for(sender.idle.wait(), 10)
    assert reads[:10] == [12] * 10
    for subject in ("web-0", "web-1", "web-2"):
        assert world.numbers(METRICS, subject) == world.numbers(COLLECTIONS, subject) == list(range(1, 21))
    assert (await world.spool.counts()).events == 0


async def test_a_spool_that_cannot_delete_for_a_while_sends_nothing_twice(world: World) -> None:
    for n in range(60):
        await world.spool.commit(world.bench.look(f"web-{n % 3}"))
    settle, calls = world.spool.settle, 0

    async def failing(taken: Taken, acknowledged: Collection[int]) -> int:
        nonlocal calls
        calls += 1
        if calls % 3:
            raise SpoolUnusable("disk I/O error", operation="spool")
        return await settle(taken, acknowledged)

    world.spool.settle = failing  # type: ignore[method-assign]
    async with world.sending(world.log, Round(max_events=12)) as sender:
        await asyncio.wait_for(sender.idle.wait(), 10)
    for subject in ("web-0", "web-1", "web-2"):
        assert world.numbers(METRICS, subject) == world.numbers(COLLECTIONS, subject) == list(range(1, 21))
    assert (await world.spool.counts()).events == 0


async def test_what_was_acknowledged_is_gone_when_the_sender_is_ended(world: World) -> None:
    for n in range(60):
        await world.spool.commit(world.bench.look(f"web-{n % 3}"))

    class Stopping(Unreliable):
        async def send(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
            if len(self.log.records(METRICS)) + len(self.log.records(COLLECTIONS)) >= 36:
                self.hang.set()
                await asyncio.Event().wait()
            return await self.log.send(records)

    producer = Stopping(world.log, Random(0), failures=0)
    async with world.sending(producer, Round(max_events=12)):
        await asyncio.wait_for(producer.hang.wait(), 10)
    assert (await world.spool.counts()).events == 120 - 36
    await world.spool.close()
    world.spool = world.bench.open()
    async with world.sending(world.log) as sender:
        await asyncio.wait_for(sender.idle.wait(), 10)
    for subject in ("web-0", "web-1", "web-2"):
        assert world.numbers(METRICS, subject) == list(range(1, 21))


async def test_an_outage_is_said_once_and_what_is_seen_meanwhile_is_kept(world: World) -> None:
    world.log.away_for = 20
    async with world.sending(world.log) as sender:
        await world.spool.commit(world.bench.look())
        await asyncio.sleep(0.01)
        assert not world.kafka_is_ready()
        await world.spool.commit(world.bench.look())
        await asyncio.wait_for(sender.idle.wait(), 10)
    assert world.kafka_is_ready()
    assert world.numbers(METRICS, "web-1") == [1, 2]


async def test_a_producer_that_never_answers_is_given_up(world: World) -> None:
    class Hanging(Unreliable):
        async def send(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
            if self.closed < 2:
                await self.hang.wait()
            return await self.log.send(records)

    producer = Hanging(world.log, Random(0), failures=0)
    await world.spool.commit(world.bench.look())
    async with world.sending(producer, Round(notice_s=0.02, patience_s=0.05)) as sender:
        await asyncio.sleep(0.03)
        assert "acknowledged nothing" in world.readiness.conditions["kafka"].why
        await asyncio.wait_for(sender.idle.wait(), 10)
    assert producer.closed == 2
    assert world.numbers(METRICS, "web-1") == [1]


async def test_what_kafka_will_never_take_goes_to_the_dead_letters_and_holds_up_nobody(world: World) -> None:
    class Refusing(Unreliable):
        """Refuses metrics above 10 kB; of a batch of several it does not say which."""

        async def send(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
            bad = [n for n, r in enumerate(records) if r.topic == METRICS and len(r.value or b"") > 10_000]
            if not bad:
                return await self.log.send(records)
            told = {bad[0]: "MessageSizeTooLargeError"} if len(records) == 1 else {}
            raise SendFailed(KafkaUnavailable("too large", operation="send"), acknowledged={}, refused=told)

    for size in (1, 500, 1):
        await world.spool.commit(Commit((world.bench.metric(size=size),)))
    async with world.sending(Refusing(world.log, Random(0), failures=0)) as sender:
        await asyncio.wait_for(sender.idle.wait(), 10)
    assert world.numbers(METRICS, "web-1") == [1, 3]
    (raw,) = world.log.records(DEAD_LETTERS)
    letter = from_record(raw)
    assert letter is not None
    assert letter.reason == "refused_by_kafka"
    assert decode(raw.value or b"").sequence == 2


async def test_one_subjects_backlog_does_not_hold_up_the_others(world: World) -> None:
    for _ in range(300):
        await world.spool.commit(Commit((world.bench.metric("chatty"),)))
    await world.spool.commit(Commit((world.bench.metric("quiet"),)))
    order: list[bytes | None] = []

    class Watching(Unreliable):
        async def send(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
            order.extend(record.key for record in records)
            return await self.log.send(records)

    async with world.sending(Watching(world.log, Random(0), failures=0), Round(max_events=20)) as sender:
        await asyncio.wait_for(sender.idle.wait(), 10)
    assert order.index(b"quiet") < 20
