"""Reading all topics for the view and the summary: no group, nothing committed, from a little before the end on."""

import asyncio
from collections.abc import Callable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from runtime.errors import InfrastructorError
from runtime.kafka.connect import started
from runtime.kafka.consumer import build_consumer, partitions_of, raw_records
from runtime.kafka.failures import CLIENT_ERRORS
from runtime.settings import KafkaSettings
from schemas.record import RawRecord

Take = Callable[[RawRecord, bool], None]
"""Told of each record, and whether it was appended after the watch began."""

_POLL_MS = 200


class Watch:
    """Follows the topics and hands each record to `take`. Survives a broker that goes away and comes back."""

    def __init__(self, settings: KafkaSettings, back: Mapping[str, int], *, take: Take) -> None:
        """Watch the topics that `back` names, from so many records before the end of each partition."""
        self._settings = settings
        self._back = back
        self._take = take
        self._consumer: AIOKafkaConsumer | None = None
        self._partitions: list[TopicPartition] = []
        self._next: dict[TopicPartition, int] = {}
        self.begun: dict[TopicPartition, int] = {}

    async def open(self, since_ms: int | None = None) -> None:
        """Note where this run begins in the topics, and read from a little before. Waits for a broker that is away.

        It begins at what was appended at `since_ms` (ms since 1970, for a broker that has our clock), else at the end.
        """
        consumer = await self._connect()
        self._partitions = await partitions_of(consumer, list(self._back))
        consumer.assign(self._partitions)
        first = await consumer.beginning_offsets(self._partitions)
        self.begun = await consumer.end_offsets(self._partitions)
        if since_ms is not None:
            found = await consumer.offsets_for_times(dict.fromkeys(self._partitions, since_ms))
            self.begun |= {tp: at.offset for tp, at in found.items() if at is not None}
        self._next = {tp: max(first[tp], end - self._back[tp.topic]) for tp, end in self.begun.items()}
        self._seek(consumer)

    async def follow(self) -> None:
        """Read until cancelled."""
        while True:
            await self.step()

    async def step(self) -> int:
        """Read once, waiting up to 0.2 s; return how many records came. Connects again after a failure."""
        if self._consumer is None:
            consumer = await self._connect()
            consumer.assign(self._partitions)
            self._seek(consumer)
        try:
            batch = await self._reader.getmany(timeout_ms=_POLL_MS, max_records=2000)
        except CLIENT_ERRORS:
            await self.close()
            return 0
        for record in raw_records(batch):
            partition = TopicPartition(record.topic, record.partition)
            self._next[partition] = record.offset + 1
            self._take(record, record.offset >= self.begun[partition])
        return sum(map(len, batch.values()))

    async def ends(self) -> dict[TopicPartition, int]:
        """Return where the topics end now. Raises KafkaError when the broker does not answer."""
        return dict(await self._reader.end_offsets(self._partitions))

    async def catch_up(self, within_s: float) -> bool:
        """Read to where the topics end now; False when that took too long."""
        try:
            async with asyncio.timeout(within_s):
                # A read that was cancelled may have moved the position past records that nobody saw.
                self._seek(self._reader)
                left = await self.ends()
                while any(self._next[tp] < end for tp, end in left.items()):
                    if not await self.step():
                        await self._skip_holes(left)
        except (InfrastructorError, *CLIENT_ERRORS):
            return False
        return True

    async def close(self) -> None:
        """Disconnect. `step` connects again."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    @property
    def _reader(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise InfrastructorError("the watch is not open", operation="watch topics")
        return self._consumer

    async def _connect(self) -> AIOKafkaConsumer:
        self._consumer = await started(
            lambda: build_consumer(self._settings, "infrastructor-up", group=None),
            self._settings,
            operation="watch topics",
            patience_s=None,
        )
        return self._consumer

    def _seek(self, consumer: AIOKafkaConsumer) -> None:
        for partition, offset in self._next.items():
            consumer.seek(partition, offset)

    async def _skip_holes(self, left: Mapping[TopicPartition, int]) -> None:
        # The last offsets of a compacted partition may be gone: the position goes past them, no record comes.
        for partition in left:
            self._next[partition] = max(self._next[partition], await self._reader.position(partition))
