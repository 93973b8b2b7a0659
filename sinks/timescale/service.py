"""The sink as a process: reads every topic, and stores one batch while the next is read and decoded."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from aiokafka import ConsumerRecord, TopicPartition

from runtime.kafka.connect import Waiting
from runtime.kafka.consumer import raw_record
from runtime.kafka.failures import CLIENT_ERRORS, why_unreachable
from runtime.kafka.outgoing import outgoing
from runtime.kafka.producer import Sending
from runtime.settings import KafkaSettings
from schemas.record import RecordReader
from schemas.registry import (
    ALERTS,
    COLLECTIONS,
    DEAD_LETTERS,
    DEVICES,
    METRICS,
    NOTIFICATIONS,
    OBSERVATIONS,
    STATUS,
)
from sinks.settings import SinkSettings
from sinks.surroundings import Surroundings
from sinks.timescale.batch import Batch, Item, Owned, read
from sinks.timescale.ledger import Known
from sinks.timescale.losses import lost_range
from sinks.timescale.metrics import SinkMetrics
from sinks.timescale.packed import Packed, Unpackable
from sinks.timescale.reader import LogReader
from sinks.timescale.store import Stopping, Store
from sinks.timescale.writer import Writer

TOPICS = (METRICS, OBSERVATIONS, COLLECTIONS, DEVICES, STATUS, ALERTS, NOTIFICATIONS, DEAD_LETTERS)

_IDLE_POLL_S = 0.2
_YIELD_EVERY = 8
_QUIET_S = 20.0
_STALLED_S = 60.0
_REVOKE_S = 5.0


NewReader = Callable[[Callable[[], Awaitable[None]]], LogReader]
"""Makes the reader of one membership; it is given what to await when partitions are taken away."""


class Stalled(Exception):
    """The consumer makes no progress though there is something to read: it is built anew."""


class TimescaleSink:
    """Runs until it is asked to stop. `store` and its writer are this object's alone."""

    def __init__(
        self,
        kafka: KafkaSettings,
        settings: SinkSettings,
        *,
        writer: Writer,
        store: Store,
        producer: Sending,
        metrics: SinkMetrics,
        around: Surroundings,
        require: Callable[[Waiting], Awaitable[None]],
        reader: NewReader,
    ) -> None:
        self._kafka = kafka
        self._settings = settings
        self._writer = writer
        self._store = store
        self._producer = producer
        self._metrics = metrics
        self._around = around
        self._require = require
        self._decoder = RecordReader()
        self._new_reader = reader
        self._reader = reader(self._revoking)
        self._writing: asyncio.Task[None] | None = None
        self._held: list[tuple[Owned, Sequence[ConsumerRecord[bytes, bytes]]]] = []
        self._progress_at = time.monotonic()

    async def run(self) -> None:
        """Read and store until asked to stop. Raises Poisoned, DatabaseRefused at start, KafkaRefused."""
        try:
            await self._around.stop.unless_asked(self._require(self._kafka_away))
            await self._store.patiently(self._writer.check_schema)
            while not self._around.stop.asked:
                try:
                    await self._membership()
                except Stalled as reason:
                    self._around.log.warning("joining the group anew", why=str(reason))
        except Stopping:
            pass
        finally:
            await self._finish()

    async def _finish(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            # What is being written gets its time to end; the frame around us sees to it that this is bounded.
            with suppress(Stopping):
                await writing
        await self._reader.stop()
        await self._writer.close()
        await self._producer.close()

    async def _membership(self) -> None:
        """One membership of the consumer group: until stop, or until it stalls."""
        self._reader = self._new_reader(self._revoking)
        self._held = []
        await self._around.stop.unless_asked(self._reader.start(self._kafka_away))
        self._around.readiness.set("kafka", ok=True)
        try:
            while not self._around.stop.asked:
                self._around.readiness.beat()
                try:
                    await self._round()
                except CLIENT_ERRORS as error:
                    await self._judge(error)
            await self._settled()
            await self._reader.tell(now=True)
        finally:
            await self._reader.stop()

    async def _round(self) -> None:
        if self._writing is not None and self._writing.done():
            # What it failed with must not wait for the next batch to be told.
            await self._settled()
        await self._reader.reclaim()
        if self._reader.fresh:
            await self._place()
        batch = await self._gather()
        if batch.shares:
            await self._admit(batch)
            await self._hand_over(batch)
        await self._reader.tell()
        self._show_lag()
        await self._watch()

    async def _place(self) -> None:
        """Find out where each new partition is read from."""
        fresh = sorted(self._reader.fresh)
        bounds = await self._reader.bounds(fresh)
        begins = {(p.topic, p.partition): bounds[p][0] for p in fresh}
        stored = await self._store.patiently(lambda: self._writer.offsets(begins))
        # Who had a partition before may have stored more since then: the end counts as it is after that was read.
        bounds = await self._reader.bounds(fresh)
        for partition in fresh:
            owner = self._reader.place(partition, stored[partition.topic, partition.partition])
            if owner is not None:
                await self._mend(partition, owner, *bounds[partition])

    async def _mend(self, partition: TopicPartition, owner: Owned, begin: int, end: int) -> None:
        """Where the log does not reach to the stored offset any more, or not yet, begin where it begins."""
        if begin <= owner.known <= end:
            return
        if owner.known < begin:
            await self._report_loss(owner, begin)
        else:
            # Unclean loss of the log's end, or another log: what is stored is recognised by its ids and sequences.
            self._around.log.warning(
                "the log ends before what is stored: read again from its beginning",
                topic=owner.topic,
                partition=owner.partition,
                stored=owner.known,
                end=end,
            )
        if await self._store.patiently(lambda: self._writer.skip(owner, begin)):
            self._reader.consumer.seek(partition, begin)
        else:
            self._reader.fence([owner])

    async def _report_loss(self, owner: Owned, begin: int) -> None:
        now_ms = self._around.clock.now_ms()
        event = lost_range(owner.topic, owner.partition, first=owner.ahead, last=begin - 1, now_ms=now_ms)
        self._around.log.error("records were gone before they were read", topic=owner.topic, detail=event.data.detail)
        record = outgoing(event, COLLECTIONS, sent_ms=now_ms)
        await self._store.send([record])

    async def _gather(self) -> Batch:
        """Read and decode until the batch is full, urgent, or old enough."""
        batch = Batch()
        ends_at: float | None = None
        while not self._around.stop.asked and not self._is_full(batch) and not batch.urgent:
            left = _IDLE_POLL_S if ends_at is None else ends_at - time.monotonic()
            if left <= 0:
                break
            polled, self._held = self._held, []
            polled = polled or await self._reader.poll(min(left, _IDLE_POLL_S), self._settings.poll_records)
            if polled:
                await self._take(batch, polled)
            if batch.shares and ends_at is None:
                ends_at = time.monotonic() + self._settings.batch_window_s
            if ends_at is None:
                break
        return batch

    def _is_full(self, batch: Batch) -> bool:
        """Whether to store the batch now. What would only wait for the one before may as well grow: that is faster."""
        settings, waits = self._settings, self._writing is not None and not self._writing.done()
        most = max(settings.batch_rows, settings.batch_rows_behind) if waits else settings.batch_rows
        return batch.rows >= most

    async def _take(
        self, batch: Batch, polled: "Sequence[tuple[Owned, Sequence[ConsumerRecord[bytes, bytes]]]]"
    ) -> None:
        """Decode what was polled; what does not fit is held for the next batch."""
        self._progress_at = time.monotonic()
        good = bad = 0
        for owner, records in polled:
            if not owner.is_live():
                continue
            if self._is_full(batch):
                self._held.append((owner, records))
                continue
            if records[0].offset > owner.ahead and owner.topic != DEVICES:
                await self._look_for_loss(owner, records[0].offset)
            for index, record in enumerate(records):
                if not owner.is_live():
                    break
                raw = raw_record(record)
                found = read(raw, self._decoder, now_ms=self._around.clock.now_ms())
                batch.take(owner, raw, found)
                good += isinstance(found, Item)
                bad += found is not None and not isinstance(found, Item)
                if index % _YIELD_EVERY == _YIELD_EVERY - 1:
                    # The other task is feeding the database: let it hand over its next piece.
                    await asyncio.sleep(0)
                if self._is_full(batch) and index + 1 < len(records):
                    self._held.append((owner, records[index + 1 :]))
                    break
            self._metrics.records.labels(owner.topic).inc(len(records))
        self._store.count(good=good, bad=bad)

    async def _look_for_loss(self, owner: Owned, offset: int) -> None:
        """Offsets have holes by nature; only those before the log's beginning are lost."""
        partition = TopicPartition(owner.topic, owner.partition)
        begin = (await self._reader.bounds([partition]))[partition][0]
        if begin > owner.ahead:
            await self._report_loss(owner, min(begin, offset))

    async def _admit(self, batch: Batch) -> None:
        """Load what the ledger knows of streams not met before, in one question, and leave repetitions out."""
        for part in batch.parts:
            missing = set(part.streams()) - part.owner.taken.keys()
            if missing:
                await self._load(batch)
                break
        for part in batch.parts:
            part.admit()

    async def _load(self, batch: Batch) -> None:
        missing = {part.owner: set(part.streams()) - part.owner.taken.keys() for part in batch.parts}
        asked = {stream for streams in missing.values() for stream in streams}
        found = await self._store.patiently(lambda: self._writer.load(asked))
        for owner, streams in missing.items():
            for stream in streams:
                known = found.get(stream)
                if known is not None:
                    owner.stored[stream] = known
                owner.taken[stream] = known or Known()

    async def _hand_over(self, batch: Batch) -> None:
        """Start to store a batch as soon as the one before is stored; meanwhile the next is read."""
        ready = None
        with suppress(Unpackable):
            ready = self._writer.packed(batch)
        await self._settled()
        self._writing = asyncio.create_task(self._write(batch, ready))

    async def _settled(self) -> None:
        if self._writing is not None:
            await self._writing

    async def _write(self, batch: Batch, ready: Packed | None) -> None:
        begun = time.monotonic()
        stored = await self._store.store(batch, ready, fenced=self._reader.fence)
        self._metrics.batch_seconds.observe(time.monotonic() - begun)
        self._metrics.batches.inc()
        self._metrics.duplicates.inc(batch.duplicates)
        self._metrics.conflicts.inc(stored.conflicts)
        self._metrics.merged.inc(stored.merged)
        for table, count in stored.rows.items():
            self._metrics.rows.labels(table).inc(count)

    async def _revoking(self) -> None:
        # The next owner reads the stored offset: what is being stored should be there when it does.
        if self._writing is not None and not self._writing.done():
            await asyncio.wait({self._writing}, timeout=_REVOKE_S)

    async def _watch(self) -> None:
        """Notice a consumer that hangs: there are records, and they do not come."""
        now = time.monotonic()
        if self._held or now - self._progress_at < _QUIET_S:
            return
        try:
            behind = await self._reader.behind()
        except CLIENT_ERRORS as error:
            self._progress_at = now
            self._kafka_away(await why_unreachable(self._kafka, error, operation="read the log"))
            return
        if not behind:
            self._progress_at = now
            self._around.readiness.set("kafka", ok=True)
        elif now - self._progress_at > _STALLED_S:
            self._progress_at = now
            raise Stalled(f"no record in {_STALLED_S:g} s though there are some to read")

    async def _judge(self, error: BaseException) -> None:
        """The broker is away: wait a little, the client looks for it by itself. A refusal is an error."""
        reason = await why_unreachable(self._kafka, error, operation="read the log")
        if not reason.retryable:
            raise reason from error
        self._kafka_away(reason)
        await self._around.stop.wait(1.0)

    def _kafka_away(self, reason: Exception) -> None:
        self._around.readiness.set("kafka", ok=False, why=str(reason))
        self._around.log.warning("waiting", why=str(reason))

    def _show_lag(self) -> None:
        for partition, count in self._reader.lag().items():
            self._around.kafka_metrics.lag.labels(partition.topic, str(partition.partition)).set(count)
