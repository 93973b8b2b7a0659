"""What every sender of records keeps to: one suite, on the log in memory and on a real broker."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from deploy.local.broker import Broker
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.kafka.consumer import read_topics
from runtime.kafka.producer import KafkaProducer, Outgoing, SendFailed, Sending
from runtime.settings import KafkaSettings
from schemas.record import RawRecord
from tests.contract.memory_log import MemoryLog

TOPIC = "infra.metrics"


@dataclass(frozen=True)
class Subject:
    sending: Sending
    read: Callable[[], Awaitable[list[RawRecord]]]


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    if request.param == "memory":
        log = MemoryLog({TOPIC: 12})

        async def remembered() -> list[RawRecord]:
            return log.records(TOPIC)

        yield Subject(log, remembered)
        return
    broker: Broker = request.getfixturevalue("broker")
    settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,))
    await apply_topics(settings, load_catalog(settings))
    producer = KafkaProducer(settings, "contract")

    async def stored() -> list[RawRecord]:
        return [raw async for raw in read_topics(settings, [TOPIC])]

    yield Subject(producer, stored)
    await producer.close()
    await producer.close()


async def test_nothing_to_send_is_nothing_sent(subject: Subject) -> None:
    assert await subject.sending.send([]) == []


async def test_each_is_acknowledged_with_its_place_in_the_order_given(subject: Subject) -> None:
    records = [Outgoing(TOPIC, b"place-%d" % n, b"%d" % n, (("n", b"%d" % n),)) for n in range(100)]
    done = await subject.sending.send(records)
    found = {(raw.partition, raw.offset): raw for raw in await subject.read()}
    for sent, acknowledged in zip(records, done, strict=True):
        raw = found[acknowledged.partition, acknowledged.offset]
        assert (raw.key, raw.value, raw.headers) == (sent.key, sent.value, sent.headers)
        assert raw.appended_ms == acknowledged.appended_ms


async def test_one_key_is_one_partition_and_one_order(subject: Subject) -> None:
    records = [Outgoing(TOPIC, b"order-%d" % (n % 5), b"%d" % n) for n in range(200)]
    done = [*await subject.sending.send(records[:100]), *await subject.sending.send(records[100:])]
    for key in {record.key for record in records}:
        places = [place for record, place in zip(records, done, strict=True) if record.key == key]
        assert len({place.partition for place in places}) == 1
        offsets = [place.offset for place in places]
        assert offsets == sorted(offsets)


async def test_both_choose_the_same_partition_for_a_key(subject: Subject) -> None:
    # Murmur2 as Kafka's own clients have it: the partition of a key is part of the contract.
    (done,) = await subject.sending.send([Outgoing(TOPIC, b"web-1", b"x")])
    assert done.partition == 5


async def test_a_given_partition_is_kept(subject: Subject) -> None:
    (done,) = await subject.sending.send([Outgoing(TOPIC, b"_partition-3", b"tick", partition=3)])
    assert done.partition == 3


async def test_a_record_without_a_value_is_kept_as_such(subject: Subject) -> None:
    (done,) = await subject.sending.send([Outgoing(TOPIC, b"gone", None)])
    raw = next(r for r in await subject.read() if (r.partition, r.offset) == (done.partition, done.offset))
    assert raw.value is None


async def test_what_is_too_large_is_told_and_the_sender_goes_on(subject: Subject) -> None:
    # Noise: a broker counts what is left after compression.
    records = [Outgoing(TOPIC, b"a", b"1"), Outgoing(TOPIC, b"a", os.urandom(11 * 1024 * 1024))]
    with pytest.raises(SendFailed) as failed:
        await subject.sending.send(records)
    assert set(failed.value.refused) == {1}
    assert not failed.value.retryable
    assert set(failed.value.acknowledged) == {0}
    (done,) = await subject.sending.send([Outgoing(TOPIC, b"a", b"2")])
    assert done.topic == TOPIC
