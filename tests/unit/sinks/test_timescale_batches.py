"""How large a batch grows."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from runtime.clock import SystemClock
from runtime.health import Readiness
from runtime.kafka.connect import Waiting
from runtime.kafka.producer import Acknowledged, Outgoing
from runtime.log import get_logger
from runtime.metrics import KafkaMetrics
from runtime.process import Stop
from runtime.settings import KafkaSettings
from sinks.settings import SinkSettings
from sinks.surroundings import Surroundings
from sinks.timescale.batch import Batch
from sinks.timescale.limits import Limit
from sinks.timescale.metrics import SinkMetrics
from sinks.timescale.reader import LogReader
from sinks.timescale.service import TimescaleSink
from sinks.timescale.store import Store
from sinks.timescale.writer import Writer


class Unused:
    async def send(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        raise AssertionError(f"nothing is sent here: {records}")

    async def close(self) -> None:
        pass


async def nowhere() -> Any:
    raise AssertionError("nothing is stored here")


async def at_once(_: Waiting) -> None:
    pass


def sink(settings: SinkSettings) -> TimescaleSink:
    registry = CollectorRegistry()
    around = Surroundings(SystemClock(), Stop(), get_logger("test"), Readiness(), KafkaMetrics.on(registry))
    metrics, writer, producer = SinkMetrics.on(registry), Writer(nowhere), Unused()
    store = Store(writer, producer, around=around, metrics=metrics, limit=Limit(), explain=lambda _: None)
    return TimescaleSink(
        KafkaSettings(),
        settings,
        writer=writer,
        store=store,
        producer=producer,
        metrics=metrics,
        around=around,
        require=at_once,
        reader=lambda revoking: LogReader(KafkaSettings(), ["infra.metrics"], revoking=revoking),
    )


@pytest.mark.parametrize(
    ("rows", "behind", "at", "free", "busy"),
    [
        (20, 100, 19, False, False),
        (20, 100, 20, True, False),
        (20, 100, 99, True, False),
        (20, 100, 100, True, True),
        (200, 100, 199, False, False),
        (200, 100, 200, True, True),
    ],
)
async def test_a_batch_grows_while_the_one_before_is_stored(
    rows: int, behind: int, at: int, free: bool, busy: bool
) -> None:
    ours = sink(SinkSettings(batch_rows=rows, batch_rows_behind=behind))
    batch = Batch(rows=at)
    assert ours._is_full(batch) is free
    stored = asyncio.Event()

    async def storing() -> None:
        await stored.wait()

    ours._writing = asyncio.create_task(storing())
    assert ours._is_full(batch) is busy
    stored.set()
    await ours._writing
    assert ours._is_full(batch) is free
