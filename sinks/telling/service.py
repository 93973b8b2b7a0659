"""The sink as a process: takes the requests for its receiver in order, and puts each outcome into the log.

Its progress is its offset in Kafka, written only after the outcome is acknowledged. A crash in between is mended at
the next start: outcomes after the offset are read first, and what has none is looked for before it is sent again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from runtime.backoff import Backoff
from runtime.errors import InfrastructorError, KafkaUnavailable
from runtime.kafka.connect import Waiting, started
from runtime.kafka.consumer import build_consumer, raw_record, read_topics
from runtime.kafka.dead_letters import DeadLetter, refused, to_record
from runtime.kafka.failures import CLIENT_ERRORS, why_unreachable
from runtime.kafka.outgoing import outgoing
from runtime.kafka.producer import Outgoing, Sending
from runtime.settings import KafkaSettings
from schemas.record import RawRecord, RecordReader
from schemas.refusal import EventRefused
from schemas.registry import NOTIFICATIONS
from sinks.membership import stay
from sinks.surroundings import Surroundings
from sinks.telling.deliver import Abandoned, Deliverer, Delivery
from sinks.telling.pace import together
from sinks.telling.port import Refused
from sinks.telling.waiting import Settled, Waits, outcome_of, redriven_for, request_for

TOPICS = (NOTIFICATIONS,)
LOOK_BACK = 2000
"""So many records before our offset are read, too: a request that was put into the log twice is told once."""

_POLL_MS = 500
_POLL_RECORDS = 500
_WAITS = Backoff(first_s=0.5, longest_s=10.0)


class NotLookedAhead(Exception):
    """Kafka went away while new partitions were looked at: nothing of them was taken, so they are looked at again."""

    def __init__(self, reason: KafkaUnavailable) -> None:
        super().__init__(reason.message)
        self.reason = reason


class TellingSink(ConsumerRebalanceListener):
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
        self._desk = deliverer.desk
        self._deliverer = deliverer
        self._producer = producer
        self._around = around
        self._require = require
        self._decoder = RecordReader()
        self._membership = 0
        """Counts assignments: what was begun in an earlier one is not ours any more."""
        self._fresh: set[TopicPartition] = set()
        self._settled = Settled()
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
                lambda: build_consumer(self._kafka, self._desk.group, group=self._desk.group),
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
                await self._wait(reason)
            except NotLookedAhead as error:
                await self._wait(error.reason)

    async def _wait(self, reason: InfrastructorError) -> None:
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
        """Look what lies in the log around and after our offset: what has an outcome is not delivered again."""
        fresh = sorted(self._fresh)
        begins = {(p.topic, p.partition): max(0, await consumer.position(p) - LOOK_BACK) for p in fresh}
        self._settled.clear()
        self._deliverer.forget_seen()
        try:
            async for raw in read_topics(self._kafka, TOPICS, begin=begins, client_id=f"{self._desk.group}-ahead"):
                self._look_at(raw)
        except KafkaUnavailable as error:
            raise NotLookedAhead(error) from error
        self._fresh.difference_update(fresh)

    def _look_at(self, raw: RawRecord) -> None:
        self._backlog_ends[TopicPartition(raw.topic, raw.partition)] = raw.offset + 1
        with suppress(EventRefused):
            outcome = outcome_of(self._desk, self._decoder.read(raw).event)
            if outcome is not None:
                self._settled.add(outcome)

    async def _take(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, raws: Sequence[RawRecord], membership: int
    ) -> None:
        waiting = deque(await self._requests_in(raws))
        committed = -1
        while waiting:
            now_ms = self._around.clock.now_ms()
            count = together([one.waited_s(now_ms) for one in waiting], self._deliverer.settings.digesting)
            group = [waiting.popleft() for _ in range(count)]
            await self._deal_with(group, partition, membership)
            # A request is at most delivered again once, not a hundred times, if we are killed now.
            committed = group[-1].raw.offset
            await self._commit(consumer, partition, committed + 1)
        if committed < raws[-1].offset:
            await self._commit(consumer, partition, raws[-1].offset + 1)

    async def _requests_in(self, raws: Sequence[RawRecord]) -> list[Waits]:
        """What is to be told of; the dead letters of what is no event are sent."""
        found: list[Waits] = []
        for raw in raws:
            redriven = redriven_for(raw)
            if redriven not in {None, self._desk.receiver}:
                continue
            try:
                request = request_for(self._desk, self._decoder.read(raw).event)
            except EventRefused as error:
                failed_at_ms = self._around.clock.now_ms()
                await self._send(
                    [to_record(refused(raw, error, consumer=self._desk.receiver, failed_at_ms=failed_at_ms))]
                )
                continue
            if request is None or any(request.id == other.request.id for other in found):
                continue
            if not self._settled.has(request.id, redriven=redriven is not None):
                found.append(Waits(request, raw))
        return found

    async def _deal_with(self, group: Sequence[Waits], partition: TopicPartition, membership: int) -> None:
        """Deliver one message, and tell what became of each request in it."""
        behind = any(one.raw.offset < self._backlog_ends.get(partition, 0) for one in group)
        try:
            deliveries = await self._deliverer.deliver(
                [one.request for one in group],
                look_first=behind,
                ours=lambda: membership == self._membership,
            )
        except Refused as error:
            # Each by itself, then: the one that is at fault fails alone.
            self._around.log.warning("a digest was refused", requests=len(group), why=str(error))
            for one in group:
                await self._deal_with([one], partition, membership)
            return
        await self._tell(group, deliveries)

    async def _tell(self, group: Sequence[Waits], deliveries: Sequence[Delivery]) -> None:
        """Put the outcomes into the log and wait for them; dead letters first, so that they can be redriven."""
        now_ms = self._around.clock.now_ms()
        letters = [
            DeadLetter(
                consumer=self._desk.receiver,
                origin=one.raw,
                reason=delivery.letter,
                message=delivery.message,
                failed_at_ms=now_ms,
                attempts=delivery.attempts,
            )
            for one, delivery in zip(group, deliveries, strict=True)
            if delivery.letter is not None
        ]
        if letters:
            await self._send([to_record(letter) for letter in letters])
        told = [
            outgoing(delivery.outcome, NOTIFICATIONS, sent_ms=now_ms, cause_appended_ms=one.raw.appended_ms)
            for one, delivery in zip(group, deliveries, strict=True)
        ]
        await self._send(told)
        for delivery in deliveries:
            self._settled.add(delivery.outcome)
            told_of = str(delivery.outcome.data.request_id)
            self._around.log.info("told", request_id=told_of, outcome=delivery.outcome.type)

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
