"""Bad input, through the whole pipeline: each ends in the dead letters as it came, and its neighbours are stored."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from aiokafka import AIOKafkaProducer

from schemas.codec import encode
from schemas.identity import agent_source, uuid7
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from tests.faults.pipeline import Pipeline, run, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.postgres]

TOPIC = "infra.metrics"
EPOCH = uuid7(1_790_000_000_000)
CONSUMERS = {"timescale", "alerts-metrics"}


@dataclass(frozen=True)
class Poison:
    name: str
    reason: str
    field: str
    spoil: Callable[[dict[str, Any]], bytes]
    key: bytes = b"web-1"


def as_json(document: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({**document, **changes}).encode()


def with_sample(document: dict[str, Any], value: str) -> bytes:
    return encode_text(document).replace(b"0.25", value.encode())


def encode_text(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


POISONS = (
    Poison("no JSON", "not_json", "", lambda _: b"\xff\x00 this is no JSON"),
    Poison("no type", "not_an_event", "type", lambda d: encode_text({k: v for k, v in d.items() if k != "type"})),
    Poison("unknown type", "unknown_type", "type", lambda d: as_json(d, type="infrastructor.toaster.burnt.v1")),
    Poison("NaN", "invalid_field", "data.samples.0.value", lambda d: with_sample(d, "NaN")),
    Poison(
        "ten years ahead",
        "time_ahead",
        "time",
        lambda d: as_json(d, time=(datetime.now(UTC) + timedelta(days=3650)).isoformat()),
    ),
    Poison("5 MB", "too_large", "", lambda d: as_json(d, padding="x" * 5_000_000)),
    Poison("another key", "key_mismatch", "subject", encode_text, key=b"web-2"),
)


def good(sequence: int) -> dict[str, Any]:
    """A valid event, as parsed JSON."""
    event = MetricCollected(
        id=uuid7(int(time.time() * 1000)),
        source=agent_source("web-1", EPOCH, "system"),
        subject="web-1",
        time=datetime.now(UTC),
        sequence=sequence,
        data=MetricCollectedData(
            collector="system", samples=(Sample(name="system.cpu.utilization", value=0.25, unit="1"),)
        ),
    )
    document: dict[str, Any] = json.loads(encode(event))
    return document


async def send(bootstrap: str) -> tuple[list[dict[str, Any]], dict[int, tuple[Poison, bytes]], int]:
    """A good event, a poison, a good one, and so on; the good ones, the poisons by offset, and their partition."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=10 << 20)
    await producer.start()
    try:
        probe = await producer.send_and_wait(TOPIC, encode_text(good(1)), key=b"web-1")
        goods, poisons, sequence = [], {}, 1
        for poison in POISONS:
            value = poison.spoil(good(sequence + 1))
            sent = await producer.send_and_wait(TOPIC, value, key=poison.key, partition=probe.partition)
            poisons[sent.offset] = (poison, value)
            sequence += 1
            goods.append(good(sequence))
            await producer.send_and_wait(TOPIC, encode_text(goods[-1]), key=b"web-1", partition=probe.partition)
        return goods, poisons, probe.partition
    finally:
        await producer.stop()


def test_poison_goes_to_the_dead_letters_and_its_neighbours_are_stored(pipeline: Pipeline) -> None:
    for one in (pipeline.streams, pipeline.sink):
        one.start()
    goods, poisons, partition = asyncio.run(send(pipeline.broker.bootstrap))

    def stored() -> int:
        with psycopg.connect(pipeline.database) as connection:
            ids = [event["id"] for event in goods]
            found = connection.execute("SELECT count(*) FROM events WHERE id = ANY(%s::uuid[])", [ids]).fetchone()
            letters = connection.execute("SELECT count(*) FROM dead_letters").fetchone()
        return int(found[0]) + int(letters[0]) if found and letters else 0

    expected = len(goods) + len(POISONS) * len(CONSUMERS)
    wait_until("all is stored", lambda: stored() == expected, timeout=60, roles=(pipeline.streams, pipeline.sink))

    letters = pipeline.topics()["infra.dead-letters"]
    assert len(letters) == len(POISONS) * len(CONSUMERS)
    for letter in letters:
        headers = {name: value.decode() for name, value in letter.headers}
        poison, value = poisons[int(headers["dl-offset"])]
        assert headers["dl-consumer"] in CONSUMERS
        assert (headers["dl-topic"], int(headers["dl-partition"])) == (TOPIC, partition)
        assert (headers["dl-reason"], headers["dl-field"]) == (poison.reason, poison.field), poison.name
        assert (letter.key, letter.value) == (poison.key, value), poison.name

    listed = run(("dead-letters", "list"), pipeline.environment)
    for reason in {poison.reason for poison in POISONS}:
        assert reason in listed
    assert pipeline.streams.stop(20) == 0, pipeline.streams.tail()
    assert pipeline.sink.stop(20) == 0, pipeline.sink.tail()
