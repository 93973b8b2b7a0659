"""Reading ranges of the log: no group, nothing committed, topic after topic, in order within each partition."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from aiokafka import AIOKafkaConsumer, TopicPartition

from replay.plan import Bounds, Place, Reach
from runtime.kafka.connect import started
from runtime.kafka.consumer import build_consumer, partitions_of, raw_record
from runtime.kafka.failures import CLIENT_ERRORS, why_unreachable
from runtime.settings import KafkaSettings
from schemas.record import RawRecord

CLIENT = "infrastructor-replay"
MOST_RECORDS = 500
"""As many records are handed out at once."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some records of one partition; everything before `next` was handed out, holes included."""

    place: Place
    raws: Sequence[RawRecord]
    next: int


async def _started(settings: KafkaSettings) -> AIOKafkaConsumer:
    return await started(
        lambda: build_consumer(settings, CLIENT, group=None),
        settings,
        operation="read the log",
        patience_s=settings.patience_s,
    )


async def bounds_of(
    settings: KafkaSettings, topics: Sequence[str], *, from_ms: int = 0, to_ms: int | None = None
) -> Mapping[Place, Bounds]:
    """What the broker says of all partitions of some topics. Raises TopicsMissing, KafkaUnavailable, KafkaRefused."""
    consumer = await _started(settings)
    try:
        partitions = await partitions_of(consumer, topics)
        consumer.assign(partitions)
        begins = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        at_from = await consumer.offsets_for_times(dict.fromkeys(partitions, max(0, from_ms)))
        at_to = {} if to_ms is None else await consumer.offsets_for_times(dict.fromkeys(partitions, max(0, to_ms)))
    except CLIENT_ERRORS as error:
        raise await why_unreachable(settings, error, operation="read the log") from error
    finally:
        await consumer.stop()
    found = {}
    for partition in partitions:
        first, last = at_from.get(partition), at_to.get(partition)
        found[partition.topic, partition.partition] = Bounds(
            begins[partition], ends[partition], first.offset if first else None, last.offset if last else None
        )
    return found


async def read_reaches(settings: KafkaSettings, reaches: Sequence[Reach]) -> AsyncGenerator[Piece, None]:
    """Every record of the ranges. Topic after topic, so that no more than one topic's partitions are fetched ahead.

    Raises KafkaUnavailable, KafkaRefused.
    """
    wanted = [one for one in reaches if one]
    if not wanted:
        # A client that is stopped before it did anything cancels its caller.
        return
    consumer = await _started(settings)
    try:
        for _, some in groupby(wanted, key=lambda one: one.topic):
            async for piece in _read_topic(consumer, list(some)):
                yield piece
    except CLIENT_ERRORS as error:
        raise await why_unreachable(settings, error, operation="read the log") from error
    finally:
        await consumer.stop()


async def _read_topic(consumer: AIOKafkaConsumer, reaches: Sequence[Reach]) -> AsyncGenerator[Piece, None]:
    left = {TopicPartition(one.topic, one.partition): one.end for one in reaches}
    consumer.assign(list(left))
    for one in reaches:
        consumer.seek(TopicPartition(one.topic, one.partition), one.begin)
    while left:
        for partition, records in (await consumer.getmany(*left, timeout_ms=500, max_records=MOST_RECORDS)).items():
            raws = [raw_record(record) for record in records if record.offset < left[partition]]
            if raws:
                yield Piece((partition.topic, partition.partition), raws, raws[-1].offset + 1)
        for partition in list(left):
            # By position, not by the last record: compaction leaves holes, also at the end.
            if await consumer.position(partition) >= left[partition]:
                yield Piece((partition.topic, partition.partition), (), left.pop(partition))
                consumer.pause(partition)
