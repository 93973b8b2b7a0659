"""A sink that tells, and a broker that goes away just as its partition is given to it."""

import asyncio
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry

from runtime.settings import KafkaSettings
from sinks.gotify.receiver import DESK
from sinks.gotify.settings import GotifySettings
from sinks.telling.http import retry_after_s
from sinks.telling.process import build_sink
from tests.integration.timescale_log import surroundings


class Assigned:
    """A consumer that has a partition, and nothing to read."""

    async def position(self, partition: TopicPartition) -> int:
        return 5

    async def getmany(self, **_: Any) -> dict[TopicPartition, list[Any]]:
        raise AssertionError("what lies ahead was not looked at")


async def test_it_waits_and_says_why() -> None:
    registry = CollectorRegistry()
    around = surroundings(registry)
    kafka = KafkaSettings(bootstrap_servers=("127.0.0.1:1",), patience_s=0.1)
    sink = build_sink(DESK, None, kafka=kafka, settings=GotifySettings(), around=around, registry=registry)
    await sink.on_partitions_assigned([TopicPartition("infra.notifications", 0)])
    running = asyncio.create_task(sink._until_stop(cast("AIOKafkaConsumer", Assigned())))
    async with asyncio.timeout(30):
        while not running.done() and "cannot be reached" not in str(around.readiness.conditions):
            await asyncio.sleep(0.05)
    around.stop.ask("the test is over")
    await asyncio.wait_for(running, 30)


def test_what_is_no_number_of_seconds_is_no_hint() -> None:
    assert retry_after_s({"Retry-After": "7"}) == 7.0
    assert retry_after_s({"Retry-After": "²"}) is None
    assert retry_after_s({}) is None
