"""The sink as a process: takes the requests for its receiver in order, and puts each outcome into the log.

Its progress is its offset in Kafka, written only after the outcome is acknowledged. A crash in between is mended at
the next start: outcomes after the offset are read first, and what has none is looked for before it is sent again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from runtime.backoff import Backoff
from runtime.errors import InfrastructorError
from runtime.kafka.connect import Waiting, started
from runtime.kafka.consumer import build_consumer, raw_record, read_topics
from runtime.kafka.dead_letters import DeadLetter, refused, to_record
from runtime.kafka.failures import CLIENT_ERRORS, why_unreachable
from runtime.kafka.outgoing import outgoing
from runtime.kafka.producer import Outgoing, Sending
from runtime.settings import KafkaSettings
from schemas.headers import REDRIVE_FOR, header
from schemas.notification import (
    NotificationDelivered,
    NotificationFailed,
    NotificationRequested,
    NotificationSuppressed,
)
from schemas.record import RawRecord, RecordReader
from schemas.refusal import EventRefused
from schemas.registry import NOTIFICATIONS
from sinks.gotify.deliver import Abandoned, Deliverer, Delivery
from sinks.gotify.outcomes import RECEIVER, SOURCE
from sinks.membership import stay
from sinks.surroundings import Surroundings

GROUP = "infrastructor-sink-gotify"
TOPICS = (NOTIFICATIONS,)
_POLL_MS = 500
_POLL_RECORDS = 100
_WAITS = Backoff(first_s=0.5, longest_s=10.0)


class GotifySink(ConsumerRebalanceListener):
    """Runs until it is asked to stop."""

    def __init__(
        self,
        kafka: KafkaSettings,
        deliverer: Deliverer,
        *,
        producer: Sending,
        around: Surroundings,
        require: Callable[[Waiting], Awaitable[None]],
    ) -> None:
        self._kafka = kafka
        self._deliverer = deliverer
        self._producer = producer
        self._around = around
        self._require = require
        self._decoder = RecordReader()
        self._membership = 0
        """Counts assignments: what was begun in an earlier one is not ours any more."""
        self._fresh: set[TopicPartition] = set()
        self._settled: set[UUID] = set()
        """Requests of the backlog whose outcome lies in the log already."""
        self._backlog_ends: dict[TopicPartition, int] = {}

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Nothing is ours until the next assignment (called by aiokafka)."""
        self._membership += 1
        self._fresh.clear()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Take note of new partitions (called by aiokafka)."""
        self._fresh = set(assigned)

    async def run(self) -> None:
        """Deliver until asked to stop. Raises TopicsMissing, KafkaRefused."""
        stop = self._around.stop
        await stop.unless_asked(self._require(self._kafka_away))
        consumer = await stop.unless_asked(
            started(
                lambda: build_consumer(self._kafka, GROUP, group=GROUP),
                self._kafka,
                operation="read notifications",
                patience_s=None,
                waiting=self._kafka_away,
            )
        )
        staying = asyncio.create_task(stay(consumer))
        consumer.subscribe(topics=list(TOPICS), listener=self)
        try:
            with suppress(Abandoned):
                await self._until_stop(consumer)
        finally:
            staying.cancel()
            await asyncio.wait([asyncio.ensure_future(consumer.stop())], timeout=3)
            await self._producer.close()

    async def _until_stop(self, consumer: AIOKafkaConsumer) -> None:
        while not self._around.stop.asked:
            self._around.readiness.beat()
            try:
                await self._round(consumer)
                self._around.readiness.set("kafka", ok=True)
            except CLIENT_ERRORS as error:
                reason = await why_unreachable(self._kafka, error, operation="read notifications")
                if not reason.retryable:
                    raise reason from error
                self._kafka_away(reason)
                await self._around.stop.wait(1.0)

    async def _round(self, consumer: AIOKafkaConsumer) -> None:
        if self._fresh:
            await self._read_ahead(consumer)
        polled = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)
        membership = self._membership
        for partition, records in polled.items():
            if partition in self._fresh:
                # Assigned while we waited: these are read again once the backlog was looked at.
                consumer.seek(partition, records[0].offset)
                continue
            try:
                await self._take(consumer, partition, [raw_record(record) for record in records], membership)
            except Abandoned:
                if self._around.stop.asked:
                    raise
                # Another process has the partition now, or it is ours anew from the committed offset on.
                self._around.log.info("left to another", partition=partition.partition)

    async def _read_ahead(self, consumer: AIOKafkaConsumer) -> None:
        """Look what lies in the log after our offset: requests that have an outcome are not delivered again."""
        fresh = sorted(self._fresh)
        begins = {(p.topic, p.partition): await consumer.position(p) for p in fresh}
        self._settled.clear()
        self._deliverer.forget_seen()
        async for raw in read_topics(self._kafka, TOPICS, begin=begins, client_id=f"{GROUP}-ahead"):
            self._backlog_ends[TopicPartition(raw.topic, raw.partition)] = raw.offset + 1
            with suppress(EventRefused):
                event = self._decoder.read(raw).event
                if (
                    isinstance(event, NotificationDelivered | NotificationFailed | NotificationSuppressed)
                    and event.source == SOURCE
                    and event.data.request_id is not None
                ):
                    self._settled.add(event.data.request_id)
        self._fresh.difference_update(fresh)

    async def _take(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, raws: Sequence[RawRecord], membership: int
    ) -> None:
        behind = False
        for raw in raws:
            behind = not await self._handled(partition, raw, membership)
            if not behind:
                # A request is at most delivered again once, not a hundred times, if we are killed now.
                await self._commit(consumer, partition, raw.offset + 1)
        if behind:
            await self._commit(consumer, partition, raws[-1].offset + 1)

    async def _handled(self, partition: TopicPartition, raw: RawRecord, membership: int) -> bool:
        """Deal with one record; whether anything was done that must not be repeated."""
        redrive = header(raw.headers, REDRIVE_FOR) if raw.headers else None
        if redrive is not None and redrive != RECEIVER.encode():
            return False
        try:
            event = self._decoder.read(raw).event
        except EventRefused as error:
            letter = refused(raw, error, consumer=RECEIVER, failed_at_ms=self._around.clock.now_ms())
            await self._send([to_record(letter)])
            return True
        if not isinstance(event, NotificationRequested) or event.data.receiver != RECEIVER:
            return False
        if redrive is None and event.id in self._settled:
            return False
        delivery = await self._deliverer.deliver(
            event,
            look_first=raw.offset < self._backlog_ends.get(partition, 0),
            ours=lambda: membership == self._membership,
        )
        await self._tell(event, raw, delivery)
        return True

    async def _tell(self, request: NotificationRequested, raw: RawRecord, delivery: Delivery) -> None:
        """Put the outcome into the log and wait for it; a failure's dead letter first, so that it can be redriven."""
        now_ms = self._around.clock.now_ms()
        if delivery.letter is not None:
            letter = DeadLetter(
                consumer=RECEIVER,
                origin=raw,
                reason=delivery.letter,
                message=delivery.message,
                failed_at_ms=now_ms,
                attempts=delivery.attempts,
            )
            await self._send([to_record(letter)])
        await self._send([outgoing(delivery.outcome, NOTIFICATIONS, sent_ms=now_ms, cause_appended_ms=raw.appended_ms)])
        self._around.log.info("told", request_id=str(request.id), outcome=delivery.outcome.type)

    async def _send(self, records: Sequence[Outgoing]) -> None:
        failed = 0
        while True:
            try:
                await self._producer.send(records)
            except InfrastructorError as error:
                if not error.retryable:
                    raise
                self._kafka_away(error)
            else:
                return
            failed += 1
            if await self._around.stop.wait(_WAITS.wait_s(failed)):
                raise Abandoned

    async def _commit(self, consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> None:
        # A commit that fails costs a second look, never a second message where a client token is given.
        with suppress(*CLIENT_ERRORS):
            await consumer.commit({partition: offset})

    def _kafka_away(self, reason: Exception) -> None:
        self._around.readiness.set("kafka", ok=False, why=str(reason))
        self._around.log.warning("waiting", why=str(reason))
