"""Reading: a consumer in a group, and whole topics from their beginning to where they end now."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from runtime.errors import TopicsMissing
from runtime.kafka.connect import started
from runtime.kafka.failures import CLIENT_ERRORS, why_unreachable
from runtime.kafka.options import consumer_options
from runtime.settings.kafka import KafkaSettings
from schemas.record import RawRecord


def build_consumer(
    settings: KafkaSettings, client_id: str, *, group: str | None, max_poll_records: int | None = None
) -> AIOKafkaConsumer:
    """Return a consumer that is not started: raw bytes, from the earliest, offsets committed only when told.

    Start it with `connect.started`, subscribe it with `subscribe(topics, listener=...)`, read it with `getmany()`.
    """
    return AIOKafkaConsumer(max_poll_records=max_poll_records, **consumer_options(settings, client_id, group=group))


def raw_record(record: "ConsumerRecord[bytes, bytes]") -> RawRecord:
    """Return what aiokafka gave as plain bytes with their place."""
    return RawRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        appended_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
    )


def raw_records(batch: "Mapping[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]]") -> Iterable[RawRecord]:
    """Return the records of one `getmany()`, partition after partition, each in the order of its offsets."""
    return (raw_record(record) for records in batch.values() for record in records)


async def read_topics(
    settings: KafkaSettings,
    topics: Sequence[str],
    *,
    client_id: str = "infrastructor-reader",
    begin: Mapping[tuple[str, int], int] | None = None,
    patience_s: float | None = None,
) -> AsyncIterator[RawRecord]:
    """Yield every record of the topics from the beginning (or `begin`, by topic and partition) to their end at start.

    Joins no group and commits nothing. Records come in order within a partition only. Raises TopicsMissing,
    KafkaUnavailable, KafkaRefused.
    """
    consumer = await started(
        lambda: build_consumer(settings, client_id, group=None),
        settings,
        operation="read topics",
        patience_s=settings.patience_s if patience_s is None else patience_s,
    )
    try:
        try:
            partitions = await partitions_of(consumer, topics)
            left = await _position(consumer, partitions, begin or {})
            while left:
                for partition, records in (await consumer.getmany(timeout_ms=1000)).items():
                    for record in records:
                        if record.offset < left.get(partition, 0):
                            yield raw_record(record)
                await _strike_off(consumer, left)
        except CLIENT_ERRORS as error:
            raise await why_unreachable(settings, error, operation="read topics") from error
    finally:
        await consumer.stop()


async def partitions_of(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> list[TopicPartition]:
    """Return the partitions of the topics; TopicsMissing names those that are not there."""
    # All topics are asked for, not these by name: that would create them where the broker creates on request.
    # (`consumer.topics()` forgets the partitions of what it found.)
    cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001
    missing = sorted(set(topics) - set(cluster.topics()))
    if missing:
        raise TopicsMissing(
            f"missing in Kafka: {', '.join(missing)}; run `infrastructor topics apply`",
            operation="read topics",
            topics=missing,
        )
    return [
        TopicPartition(topic, partition)
        for topic in topics
        for partition in sorted(cluster.partitions_for_topic(topic) or ())
    ]


async def _position(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition], begin: Mapping[tuple[str, int], int]
) -> dict[TopicPartition, int]:
    """Seek to the start; return the end offset of each partition that has something to read."""
    consumer.assign(partitions)
    first = await consumer.beginning_offsets(partitions)
    end = await consumer.end_offsets(partitions)
    start = {tp: max(first[tp], begin.get((tp.topic, tp.partition), 0)) for tp in partitions}
    for partition, offset in start.items():
        consumer.seek(partition, offset)
    return {tp: end[tp] for tp in partitions if start[tp] < end[tp]}


async def _strike_off(consumer: AIOKafkaConsumer, left: dict[TopicPartition, int]) -> None:
    # By position, not by the last record seen: compaction and transaction markers leave holes before the end.
    for partition in list(left):
        if await consumer.position(partition) >= left[partition]:
            del left[partition]
            consumer.pause(partition)
