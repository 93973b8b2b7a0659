"""Send records and wait until all are acknowledged: idempotent, acks=all, bounded in what is under way.

The idempotent producer of aiokafka cannot go on after a batch that expired or was refused (it has burnt the sequence
numbers of that batch), so after any failed batch it is closed and the next `send` starts another.

Readers skip a number that is not newer than the last, so a record must never be appended after a later one of its
stream. aiokafka's own queue does not promise that: a batch that expires there is dropped and the next one is sent. So
each partition has one batch under way at a time, built here, and after a failure nothing more is sent to it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka import errors as kafka_errors
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from runtime.errors import InfrastructorError, KafkaUnavailable
from runtime.kafka.connect import Waiting, started
from runtime.kafka.failures import CLIENT_ERRORS, translate
from runtime.kafka.options import producer_options
from runtime.settings.kafka import KafkaSettings

REFUSED_RECORD = (
    kafka_errors.MessageSizeTooLargeError,
    kafka_errors.RecordListTooLargeError,
    kafka_errors.InvalidTimestampError,
    kafka_errors.CorruptRecordException,
    kafka_errors.PolicyViolationError,
)
"""Errors that belong to the record itself: sending it again gives the same answer."""

Header = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to send; `partition` None leaves the choice to the key."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Where a record is in the log; `appended_ms` is the broker's clock, ms since 1970 (None: not LogAppendTime)."""

    topic: str
    partition: int
    offset: int
    appended_ms: int | None


class SendFailed(KafkaUnavailable):
    """Not all of the records were acknowledged.

    `acknowledged` has those that were, by their index in what was sent; `refused` those that Kafka will never take,
    with the reason. What is in neither may or may not be in the log: send it again, readers drop what repeats.
    """

    def __init__(
        self, cause: InfrastructorError, *, acknowledged: Mapping[int, Acknowledged], refused: Mapping[int, str]
    ) -> None:
        super().__init__(cause.message, operation=cause.operation, **dict(cause.details))
        self.cause = cause
        self.acknowledged = acknowledged
        self.refused = refused
        self.retryable = cause.retryable and not refused


class Sending(Protocol):
    """The port: what agents, sinks and operators need of a producer."""

    async def send(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        """Return where each is once all are acknowledged, in the order given.

        Within a partition they are appended in that order, and none after one that failed. Waits; raises SendFailed;
        may be called by many at once (whose records then mix).
        """
        ...

    async def close(self) -> None:
        """Give back connections, waiting a few seconds at most. May be called twice."""
        ...


class KafkaProducer:
    """The producer on a real cluster. What is under way is bounded: one batch a partition."""

    def __init__(self, settings: KafkaSettings, client_id: str, *, patience_s: float | None = None) -> None:
        self._settings = settings
        self._client_id = client_id
        self._patience_s = settings.patience_s if patience_s is None else patience_s
        self._client: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._partitioner = DefaultPartitioner()
        self.rebuilt = 0
        """How often a failed producer was given up."""

    async def start(self, *, waiting: Waiting | None = None) -> None:
        """Connect now rather than at the first `send`; with `waiting`, retry for ever and tell it why."""
        if waiting is None:
            await self._connected()
            return
        async with self._starting:
            if self._client is None:
                self._client = await started(
                    self._build, self._settings, operation="connect producer", patience_s=None, waiting=waiting
                )

    async def send(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        """Return where all records are, in the order given; SendFailed says which are not."""
        if not records:
            return []
        try:
            client = await self._connected()
        except InfrastructorError as error:
            raise SendFailed(error, acknowledged={}, refused={}) from error
        outcome = _Outcome()
        try:
            lanes = await self._lanes(client, records)
        except CLIENT_ERRORS as error:
            outcome.fail((), error)
        else:
            await asyncio.gather(*(self._drive(client, lane, outcome) for lane in lanes))
        if outcome.failure is not None:
            await self._give_up(client)
            cause = translate(outcome.failure, self._settings, operation="send")
            raise SendFailed(cause, acknowledged=outcome.acknowledged, refused=outcome.refused)
        return [outcome.acknowledged[index] for index in range(len(records))]

    async def close(self) -> None:
        """Wait a few seconds for what is under way, then close."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            async with asyncio.timeout(5):
                await client.stop()
        except TimeoutError:
            await _abandon(client)

    async def _lanes(self, client: AIOKafkaProducer, records: Sequence[Outgoing]) -> list["_Lane"]:
        """Sort the records by partition, each partition's in the order given."""
        partitions = {
            topic: sorted(await client.partitions_for(topic)) for topic in dict.fromkeys(r.topic for r in records)
        }
        lanes: dict[TopicPartition, _Lane] = {}
        for index, record in enumerate(records):
            number = record.partition
            if number is None:
                number = self._partitioner(record.key, partitions[record.topic], partitions[record.topic])
            place = TopicPartition(record.topic, number)
            lane = lanes.get(place)
            if lane is None:
                lane = lanes[place] = _Lane(place, [])
            lane.records.append((index, record))
        return list(lanes.values())

    async def _drive(self, client: AIOKafkaProducer, lane: "_Lane", outcome: "_Outcome") -> None:
        """Send one partition's records batch after batch, each acknowledged before the next; stop at a failure."""
        start = 0
        while start < len(lane.records) and outcome.failure is None:
            indexes, batch = _fill(client, lane, start)
            try:
                future = await client.send_batch(batch, lane.place.topic, partition=lane.place.partition)
                future.add_done_callback(_look_at)
                # aiokafka retries a batch for ever while it knows a leader, whether that answers or not. The future is
                # left alone when time is up: aiokafka still counts on it, until the producer is given up.
                await asyncio.wait({future}, timeout=self._settings.request_timeout_s)
                if not future.done():
                    raise TimeoutError
                metadata = future.result()
            except CLIENT_ERRORS as error:
                outcome.fail(indexes, error)
                return
            outcome.succeed(indexes, metadata)
            start += len(indexes)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._client is None:
                self._client = await started(
                    self._build, self._settings, operation="connect producer", patience_s=self._patience_s
                )
            return self._client

    def _build(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(**producer_options(self._settings, self._client_id))

    async def _give_up(self, client: AIOKafkaProducer) -> None:
        if self._client is client:
            self._client = None
            self.rebuilt += 1
            await _abandon(client)


@dataclass(frozen=True, slots=True)
class _Lane:
    """What goes to one partition, with the index of each record in what was sent."""

    place: TopicPartition
    records: list[tuple[int, Outgoing]]


class _Outcome:
    """What became of the records of one `send`."""

    def __init__(self) -> None:
        self.acknowledged: dict[int, Acknowledged] = {}
        self.refused: dict[int, str] = {}
        self.failure: BaseException | None = None

    def succeed(self, indexes: Sequence[int], metadata: RecordMetadata) -> None:
        """Remember a batch that was appended; its records have consecutive offsets."""
        appended_ms = metadata.timestamp if metadata.timestamp_type == 1 else None
        for step, index in enumerate(indexes):
            self.acknowledged[index] = Acknowledged(
                metadata.topic, metadata.partition, metadata.offset + step, appended_ms
            )

    def fail(self, indexes: Sequence[int], error: BaseException) -> None:
        """Remember a batch that failed; the first failure is the one that is told.

        Of a batch of several nobody can say which record was refused; alone, it is the one.
        """
        if isinstance(error, REFUSED_RECORD) and len(indexes) == 1:
            self.refused[indexes[0]] = type(error).__name__
        if self.failure is None:
            self.failure = error


def _fill(client: AIOKafkaProducer, lane: _Lane, start: int) -> tuple[list[int], BatchBuilder]:
    """Build the next batch: as many records as fit, at least one. Closed, so that it does not linger."""
    batch = client.create_batch()
    indexes: list[int] = []
    for index, record in lane.records[start:]:
        if batch.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers)) is None:
            break
        indexes.append(index)
    batch.close()
    return indexes, batch


def _look_at(future: "asyncio.Future[RecordMetadata]") -> None:
    """Take notice of a failure that nobody waits for any more."""
    if not future.cancelled():
        future.exception()


async def _abandon(client: AIOKafkaProducer) -> None:
    """Close a producer that cannot deliver, without its wait for the batches that it holds.

    `stop` alone waits until every batch expired. Failing them first also wakes other callers of `send`.
    """
    client._message_accumulator.fail_all(kafka_errors.KafkaConnectionError("the producer was given up"))  # noqa: SLF001
    client._closed = True  # noqa: SLF001
    await client.client.close()
    sender = client._sender.sender_task  # noqa: SLF001
    if sender is None or sender.done():
        return
    sender.cancel()
    await asyncio.wait([sender], timeout=5)
