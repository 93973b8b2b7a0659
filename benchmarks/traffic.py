"""A fleet as a broker sees it: so many devices, each looked at every so many seconds at a moment of its own.

A look is an event of 50 samples and the account of the look, sent as agents send (idempotent, acks=all, zstd). Of each
record it is known when it was handed to the producer and where it is in the log.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from benchmarks.schemas import samples
from runtime.kafka.options import producer_options
from runtime.kafka.outgoing import outgoing
from runtime.settings import KafkaSettings
from schemas.collection import CollectionCompleted, CollectionCompletedData
from schemas.envelope import Envelope
from schemas.identity import agent_source, uuid7
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.registry import COLLECTIONS, METRICS

EPOCH = UUID("0192f3a1-6c00-7a10-9f2e-5b1c3d4e5f61")
HIGH = 2e12
"""What the first sample is when a device is out of its bounds."""

SEED = 7


@dataclass(frozen=True, slots=True)
class Sent:
    """A record in the log; `at` is when it was handed to the producer, seconds since 1970."""

    topic: str
    partition: int
    offset: int
    at: float


@dataclass(slots=True)
class Fleet:
    """`high` tells by device and look whether its first sample is out of bounds."""

    kafka: KafkaSettings
    devices: int = 500
    interval_s: float = 10.0
    high: Callable[[int, int], bool] = field(default=lambda device, look: False)
    turns: int = 0

    async def run(self, seconds: float) -> list[Sent]:
        """Look for so long, each device at its moment; return what was sent."""
        rng = random.Random(SEED)
        moments = sorted((rng.random() * self.interval_s, device) for device in range(self.devices))
        rounds = max(1, round(seconds / self.interval_s))
        begun, waiting = time.time(), []
        producer = await self._producer()
        try:
            for turn in range(rounds):
                for after, device in moments:
                    await asyncio.sleep(max(0.0, begun + turn * self.interval_s + after - time.time()))
                    waiting += [await self._hand_over(producer, one) for one in self._look(device)]
                self.turns += 1
            return [_sent(await future, at) for at, future in waiting]
        finally:
            await producer.stop()

    async def at_once(self, looks: int) -> int:
        """So many looks at each device without a pause; return how many events of metrics there are."""
        producer = await self._producer()
        for _ in range(looks):
            waiting = [
                await self._hand_over(producer, one) for device in range(self.devices) for one in self._look(device)
            ]
            await asyncio.gather(*(future for _, future in waiting))
            self.turns += 1
        await producer.stop()
        return looks * self.devices

    async def _producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(**producer_options(self.kafka, "bench-fleet"))
        await producer.start()
        return producer

    async def _hand_over(
        self, producer: AIOKafkaProducer, one: tuple[str, Envelope]
    ) -> "tuple[float, asyncio.Future[RecordMetadata]]":
        at = time.time()
        ready = outgoing(one[1], one[0], sent_ms=int(at * 1000))
        return at, await producer.send(one[0], key=ready.key, value=ready.value, headers=list(ready.headers))

    def _look(self, device: int) -> Iterator[tuple[str, Envelope]]:
        now = datetime.now(UTC)
        look, run = self.turns, uuid7(int(now.timestamp() * 1000))
        found = [Sample(**one) for one in samples(device, look)]
        if self.high(device, look):
            found[0] = found[0].model_copy(update={"value": HIGH})
        envelope: dict[str, Any] = {
            "source": agent_source("bench", EPOCH, "system"),
            "subject": f"device-{device}",
            "time": now,
            "sequence": look + 1,
            "correlationid": run,
        }
        yield (
            METRICS,
            MetricCollected(
                id=uuid7(int(now.timestamp() * 1000)),
                data=MetricCollectedData(collector="system", interval_seconds=self.interval_s, samples=tuple(found)),
                **envelope,
            ),
        )
        yield (
            COLLECTIONS,
            CollectionCompleted(
                id=uuid7(int(now.timestamp() * 1000)),
                data=CollectionCompletedData(
                    collector="system",
                    duration_seconds=0.0123,
                    shortest_interval_seconds=self.interval_s,
                    events=1,
                    output_bytes=20_000,
                    parents=("bench",),
                ),
                **envelope,
            ),
        )


def _sent(found: RecordMetadata, at: float) -> Sent:
    return Sent(found.topic, found.partition, found.offset, at)
