"""Topics on a real broker: what differs is named, applied once, and a number of partitions is never changed."""

import asyncio
import os
from collections.abc import Callable

import pytest

from deploy.local.broker import Broker
from runtime.errors import KafkaRefused, KafkaUnavailable, TopicsMissing
from runtime.kafka.admin import admin, apply_topics, describe_topics, plan_topics, require_topics
from runtime.kafka.catalog import TopicCatalog, load_catalog, parse_catalog
from runtime.kafka.connect import started
from runtime.kafka.consumer import build_consumer, raw_records, read_topics
from runtime.kafka.plan import CreateTopic, PartitionsDiffer, SetConfig
from runtime.kafka.producer import KafkaProducer, Outgoing, SendFailed
from runtime.settings import KafkaSettings, World, load

pytestmark = pytest.mark.kafka


@pytest.fixture
def settings(broker: Broker) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=(broker.bootstrap,))


@pytest.fixture
def catalog(settings: KafkaSettings) -> TopicCatalog:
    return load_catalog(settings)


async def test_apply_makes_the_cluster_as_listed_and_the_second_time_does_nothing(
    settings: KafkaSettings, catalog: TopicCatalog
) -> None:
    with pytest.raises(TopicsMissing, match=r"missing topics: infra\.metrics; run `infrastructor topics apply`"):
        await require_topics(settings, catalog, ["infra.metrics"])
    planned = await plan_topics(settings, catalog)
    assert {type(change) for change in planned} == {CreateTopic}

    done, refused = await apply_topics(settings, catalog)

    assert len(done) == len(catalog.all())
    assert not refused
    assert await apply_topics(settings, catalog) == ([], [])
    await require_topics(settings, catalog, [topic.name for topic in catalog.all()])


async def test_drift_is_named_and_mended_and_what_the_list_does_not_name_stays(
    settings: KafkaSettings, catalog: TopicCatalog
) -> None:
    await apply_topics(settings, catalog)
    async with admin(settings) as cluster:
        await cluster.set_configs(
            [
                SetConfig("infra.status", "cleanup.policy", None, "compact"),
                SetConfig("infra.status", "flush.messages", None, "77"),
            ]
        )
    while not (planned := await plan_topics(settings, catalog)):
        await asyncio.sleep(0.05)

    assert [str(change) for change in planned] == ["set infra.status: cleanup.policy from compact to delete"]
    assert await apply_topics(settings, catalog) == (planned, [])

    async with admin(settings) as cluster:
        state = (await cluster.state(["infra.status"]))["infra.status"]
    assert state.config["cleanup.policy"] == "delete"
    assert state.config["flush.messages"] == "77"
    assert state.config["message.timestamp.type"] == "LogAppendTime"


async def test_retention_comes_from_the_settings(
    settings: KafkaSettings, catalog: TopicCatalog, broker: Broker
) -> None:
    await apply_topics(settings, catalog)
    world = World.here(
        {
            "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap,
            "INFRASTRUCTOR_KAFKA__RETENTION": "infra.metrics=3d",
        }
    )
    shorter = load(KafkaSettings, world)

    done, _ = await apply_topics(shorter, load_catalog(shorter))

    assert [str(change) for change in done] == ["set infra.metrics: retention.ms from 604800000 to 259200000"]
    await apply_topics(settings, catalog)


async def test_a_number_of_partitions_is_refused_not_changed(settings: KafkaSettings, catalog: TopicCatalog) -> None:
    await apply_topics(settings, catalog)
    text = catalog.model_dump()
    more = TopicCatalog.model_validate(
        text | {"topics": [t | {"partitions": 24} if t["name"] == "infra.devices" else t for t in text["topics"]]}
    )

    done, refused = await apply_topics(settings, more)

    assert not done
    assert refused == [PartitionsDiffer("infra.devices", 12, 24)]
    with pytest.raises(TopicsMissing, match="12 partitions, fewer than the 24 listed"):
        await require_topics(settings, more, ["infra.devices"])


async def test_more_copies_than_brokers_is_refused_with_what_to_set(settings: KafkaSettings) -> None:
    three = settings.model_copy(update={"replication_factor": 3})
    text = (load_catalog(three).model_dump()) | {}
    renamed = text | {
        "topics": [t | {"name": f"three.{t['name']}"} for t in text["topics"]],
        "changelogs": text["changelogs"] | {"tables": []},
    }
    with pytest.raises(KafkaRefused, match="INFRASTRUCTOR_KAFKA__REPLICATION_FACTOR"):
        await apply_topics(three, TopicCatalog.model_validate(renamed))


async def test_describe_tells_offsets_and_sizes(settings: KafkaSettings, catalog: TopicCatalog) -> None:
    await apply_topics(settings, catalog)
    producer = KafkaProducer(settings, "test")
    (done,) = await producer.send([Outgoing("infra.observations", b"web-1", b"{}" * 500, partition=3)])
    await producer.close()

    info = {info.topic.name: info for info in await describe_topics(settings, catalog)}["infra.observations"]

    assert done.partition == 3
    assert info.state is not None
    assert not info.changes
    third = info.partitions[3]
    assert (third.begin, third.end) == (0, done.offset + 1)
    assert third.size is not None
    assert third.size > 50


async def test_acknowledgements_carry_the_brokers_clock_and_keep_the_order(
    settings: KafkaSettings, catalog: TopicCatalog
) -> None:
    await apply_topics(settings, catalog)
    producer = KafkaProducer(settings.model_copy(update={"batch_bytes": 2_000}), "test")
    records = [Outgoing("infra.metrics", b"web-%d" % (n % 7), b"%d" % n, (("n", b"%d" % n),)) for n in range(1000)]

    done = await producer.send(records)
    await producer.close()

    read = {(raw.topic, raw.partition, raw.offset): raw async for raw in read_topics(settings, ["infra.metrics"])}
    assert len(read) == 1000
    for sent, acknowledged in zip(records, done, strict=True):
        raw = read[acknowledged.topic, acknowledged.partition, acknowledged.offset]
        assert (raw.key, raw.value, raw.headers, raw.appended_ms) == (
            sent.key,
            sent.value,
            sent.headers,
            acknowledged.appended_ms,
        )
    per_key = {key: [int(r.value or b"") for r in read.values() if r.key == key] for key in {r.key for r in records}}
    assert all(numbers == sorted(numbers) for numbers in per_key.values())


async def test_a_record_that_kafka_never_takes_is_told_and_the_next_send_works(
    settings: KafkaSettings, catalog: TopicCatalog
) -> None:
    await apply_topics(settings, catalog)
    wide = settings.model_copy(update={"max_request_bytes": 30_000_000, "batch_bytes": 8 * 1024 * 1024})
    producer = KafkaProducer(wide, "test")
    # Zstandard would shrink anything regular below the limit.
    noise = os.urandom(12_000_000)
    with pytest.raises(SendFailed) as failed:
        await producer.send([Outgoing("infra.alerts", b"a", b"1"), Outgoing("infra.alerts", b"b", noise)])
    assert failed.value.refused == {1: "MessageSizeTooLargeError"}
    assert not failed.value.retryable
    assert producer.rebuilt == 1

    (again,) = await producer.send([Outgoing("infra.alerts", b"a", b"1")])
    await producer.close()
    assert again.topic == "infra.alerts"


async def test_a_group_consumer_commits_only_when_told(settings: KafkaSettings, catalog: TopicCatalog) -> None:
    await apply_topics(settings, catalog)
    producer = KafkaProducer(settings, "test")
    await producer.send([Outgoing("infra.collections", b"web-1", b"%d" % n) for n in range(10)])
    await producer.close()

    async def look() -> list[bytes | None]:
        consumer = await started(
            lambda: build_consumer(settings, "test", group="reader"), settings, operation="test", patience_s=5
        )
        consumer.subscribe(["infra.collections"])
        found: list[bytes | None] = []
        while len(found) < 10:
            found += [raw.value for raw in raw_records(await consumer.getmany(timeout_ms=500))]
        await consumer.stop()
        return found

    assert await look() == await look() == [b"%d" % n for n in range(10)]


async def test_reading_names_the_topics_that_are_not_there(settings: KafkaSettings) -> None:
    with pytest.raises(TopicsMissing, match=r"nothing\.here"):
        _ = [raw async for raw in read_topics(settings, ["nothing.here"])]


async def test_a_broker_that_is_away_is_one_clear_line(free_port: Callable[[], int]) -> None:
    away = KafkaSettings(bootstrap_servers=(f"127.0.0.1:{free_port()}",), patience_s=1)
    with pytest.raises(KafkaUnavailable) as failed:
        await plan_topics(away, parse_catalog(_TINY))
    assert "\n" not in failed.value.message
    assert "connection refused" in failed.value.message
    assert "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS" in failed.value.message


_TINY = """
topics:
  - {name: a, purpose: p, key: k, types: [], partitions: 1, replication: settings, retention: 1d, cleanup: delete,
     compression: zstd, largest: 1}
changelogs: {app: a, replication: settings, compression: zstd, largest: 1, segment: 1, tombstones: 1d, tables: []}
"""
