"""Send records and wait until all are acknowledged: idempotent, acks=all, bounded in what is under way.

The idempotent producer of aiokafka cannot go on after a batch that expired or was refused (it has burnt the sequence
numbers of that batch), so after any failed batch it is closed and the next `send` starts another.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiokafka import AIOKafkaProducer
from aiokafka import errors as kafka_errors
from aiokafka.structs import RecordMetadata

from runtime.errors import InfrastructorError, KafkaUnavailable
from runtime.kafka.connect import Waiting, started
from runtime.kafka.failures import CLIENT_ERRORS, translate
from runtime.kafka.options import producer_options
from runtime.settings.kafka import KafkaSettings

MIB = 1024 * 1024
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

        Waits; raises SendFailed; may be called by many at once.
        """
        ...

    async def close(self) -> None:
        """Give back connections, waiting a few seconds at most. May be called twice."""
        ...


class KafkaProducer:
    """The producer on a real cluster. `max_records` and `max_bytes` bound what is sent and not yet acknowledged."""

    def __init__(
        self,
        settings: KafkaSettings,
        client_id: str,
        *,
        max_records: int = 5000,
        max_bytes: int = 16 * MIB,
        patience_s: float | None = None,
    ) -> None:
        self._settings = settings
        self._client_id = client_id
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._patience_s = settings.patience_s if patience_s is None else patience_s
        self._client: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
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
        window = _Window(self._max_records, self._max_bytes)
        try:
            for index, record in enumerate(records):
                await window.room_for(record)
                await self._hand_over(client, record, index=index, window=window)
                if window.failure is not None:
                    break
            await window.drain()
        except asyncio.CancelledError:
            window.forget()
            raise
        if window.failure is not None:
            await self._give_up(client)
            cause = translate(window.failure, self._settings, operation="send")
            raise SendFailed(cause, acknowledged=window.acknowledged, refused=window.refused)
        return [window.acknowledged[index] for index in range(len(records))]

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

    async def _hand_over(self, client: AIOKafkaProducer, record: Outgoing, *, index: int, window: "_Window") -> None:
        try:
            future = await client.send(
                record.topic,
                value=record.value,
                key=record.key,
                partition=record.partition,
                headers=list(record.headers),
            )
        except CLIENT_ERRORS as error:
            window.fail(index, error)
        else:
            window.add(index, record, future)

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


class _Window:
    """What was handed over and is not acknowledged: bounded in records and bytes, oldest awaited first."""

    def __init__(self, max_records: int, max_bytes: int) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._pending: deque[tuple[int, int, asyncio.Future[RecordMetadata]]] = deque()
        self._bytes = 0
        self.acknowledged: dict[int, Acknowledged] = {}
        self.refused: dict[int, str] = {}
        self.failure: BaseException | None = None

    async def room_for(self, record: Outgoing) -> None:
        """Wait until the record fits; one that is larger than the window goes alone."""
        size = _size(record)
        while self._pending and (len(self._pending) >= self._max_records or self._bytes + size > self._max_bytes):
            await self._settle_oldest()

    def add(self, index: int, record: Outgoing, future: "asyncio.Future[RecordMetadata]") -> None:
        """Remember a record that was handed over."""
        size = _size(record)
        self._bytes += size
        self._pending.append((index, size, future))

    def fail(self, index: int, error: BaseException) -> None:
        """Remember that a record failed; the first failure is the one that is told."""
        if isinstance(error, REFUSED_RECORD):
            self.refused[index] = type(error).__name__
        if self.failure is None:
            self.failure = error

    async def drain(self) -> None:
        """Wait for all that was handed over."""
        while self._pending:
            await self._settle_oldest()

    def forget(self) -> None:
        """Give up waiting: late failures are nobody's business any more."""
        for _, _, future in self._pending:
            future.add_done_callback(_look_at)

    async def _settle_oldest(self) -> None:
        index, size, future = self._pending[0]
        try:
            metadata = await asyncio.shield(future)
        except CLIENT_ERRORS as error:
            self.fail(index, error)
        else:
            self.acknowledged[index] = Acknowledged(
                metadata.topic,
                metadata.partition,
                metadata.offset,
                metadata.timestamp if metadata.timestamp_type == 1 else None,
            )
        self._pending.popleft()
        self._bytes -= size


def _look_at(future: "asyncio.Future[RecordMetadata]") -> None:
    if not future.cancelled():
        future.exception()


def _size(record: Outgoing) -> int:
    return len(record.value or b"") + len(record.key or b"")


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
