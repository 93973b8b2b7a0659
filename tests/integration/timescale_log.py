"""Writing to a real log, and running the sink in this process, for the tests of the database sink."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from prometheus_client import CollectorRegistry

from runtime.clock import SystemClock
from runtime.health import Readiness
from runtime.kafka.options import producer_options
from runtime.log import get_logger
from runtime.metrics import KafkaMetrics
from runtime.process import Stop
from runtime.settings import KafkaSettings
from schemas.codec import encode
from schemas.envelope import Envelope
from sinks.settings import SinkSettings
from sinks.surroundings import Surroundings
from sinks.timescale.metrics import SinkMetrics
from sinks.timescale.process import build
from sinks.timescale.writer import Writer
from tests.integration.timescale_setup import settings_of

Log = Callable[..., "asyncio.Future[None]"]


async def write(kafka: KafkaSettings, topic: str, events: Iterable[Envelope]) -> None:
    await write_raw(kafka, topic, [(event.subject.encode(), encode(event)) for event in events])


async def write_raw(
    kafka: KafkaSettings,
    topic: str,
    records: Iterable[tuple[bytes | None, bytes | None]],
    *,
    partition: int | None = None,
    headers: list[tuple[str, bytes]] | None = None,
) -> None:
    producer = AIOKafkaProducer(**producer_options(kafka, "test"))
    await producer.start()
    try:
        sent = [
            await producer.send(topic, key=key, value=value, partition=partition, headers=headers or [])
            for key, value in records
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def surroundings(registry: CollectorRegistry) -> Surroundings:
    return Surroundings(SystemClock(), Stop(), get_logger("test"), Readiness("kafka"), KafkaMetrics.on(registry))


@asynccontextmanager
async def running(
    kafka: KafkaSettings, url: str, *, settings: SinkSettings | None = None, writer: Writer | None = None
) -> AsyncIterator[tuple[Surroundings, "asyncio.Task[None]"]]:
    """The sink in this process, stopped and drained at the end."""
    registry = CollectorRegistry()
    around = surroundings(registry)
    settings = settings or SinkSettings(batch_window_s=0.2)
    metrics = SinkMetrics.on(registry)
    sink = build(kafka, settings_of(url), settings=settings, around=around, metrics=metrics, writer=writer)
    task = asyncio.create_task(sink.run())
    try:
        yield around, task
    finally:
        around.stop.ask("the test is over")
        await asyncio.wait([task], timeout=15)
        assert task.done(), "the sink did not drain"


async def until(
    condition: Callable[[], bool], *, within_s: float = 30.0, task: "asyncio.Task[None] | None" = None
) -> None:
    """Wait for something to become true; what the task raises is raised here."""
    ends_at = time.monotonic() + within_s
    while not condition():
        if task is not None and task.done():
            task.result()
            raise AssertionError("the sink has ended")
        assert time.monotonic() < ends_at, "it did not become true in time"
        await asyncio.sleep(0.1)
