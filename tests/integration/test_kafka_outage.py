"""A broker that goes and comes back: who sends is told, and the same producer goes on."""

import asyncio
import time

import pytest

from deploy.local.broker import Broker
from runtime.errors import InfrastructorError, KafkaUnavailable
from runtime.kafka.admin import apply_topics, require_topics
from runtime.kafka.catalog import load_catalog
from runtime.kafka.consumer import read_topics
from runtime.kafka.producer import KafkaProducer, Outgoing, SendFailed
from runtime.settings import KafkaSettings

pytestmark = [pytest.mark.kafka, pytest.mark.faults]


async def test_sending_fails_while_the_broker_is_away_and_works_when_it_is_back(broker: Broker) -> None:
    settings = KafkaSettings(
        bootstrap_servers=(broker.bootstrap,), session_timeout_s=3, heartbeat_s=1, request_timeout_s=3, patience_s=1
    )
    await apply_topics(settings, load_catalog(settings))
    producer = KafkaProducer(settings, "test")
    await producer.send([Outgoing("infra.alerts", b"a", b"1")])

    broker.kill()
    began = time.monotonic()
    with pytest.raises(SendFailed) as failed:
        await producer.send([Outgoing("infra.alerts", b"a", b"2")])
    assert failed.value.retryable
    assert time.monotonic() - began < 12
    with pytest.raises(SendFailed, match="cannot be reached"):
        await producer.send([Outgoing("infra.alerts", b"a", b"2")])

    told: list[InfrastructorError] = []
    waiting = asyncio.create_task(
        require_topics(settings, load_catalog(settings), ["infra.alerts"], waiting=told.append)
    )
    await asyncio.sleep(1.5)
    assert not waiting.done()
    await asyncio.to_thread(broker.start)
    await asyncio.wait_for(waiting, 30)
    assert all(isinstance(error, KafkaUnavailable) for error in told)
    assert len(told) >= 2

    await producer.send([Outgoing("infra.alerts", b"a", b"2")])
    await producer.close()
    values = [raw.value async for raw in read_topics(settings, ["infra.alerts"])]
    assert values[0] == b"1"
    assert set(values[1:]) == {b"2"}
    assert producer.rebuilt == 1
