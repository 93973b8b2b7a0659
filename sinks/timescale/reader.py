"""The consumer of the log: which partitions are ours, from where they are read, and what Kafka is told.

Kafka shares the partitions out; the database says where each is read from and who may store. A partition is `fresh`
until its stored offset was read, then `owned`; after a fence it is `fenced` until Kafka has confirmed that it is ours.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition

from runtime.kafka.connect import Waiting, started
from runtime.kafka.consumer import build_consumer
from runtime.kafka.failures import CLIENT_ERRORS
from runtime.settings import KafkaSettings
from sinks.membership import NOBODY, stay
from sinks.timescale.batch import Owned
from sinks.timescale.writer import StoredOffset

GROUP = "infrastructor-sink-timescale"
CLIENT = "infrastructor-sink-timescale"

_REQUEST_S = 10.0
_CONFIRM_AFTER_S = 1.0
_TELL_EVERY_S = 2.0


class LogReader(ConsumerRebalanceListener):
    """One membership of the consumer group, from `start` to `stop`; a new one is made when it stalls.

    `revoking` is awaited when partitions are taken away, after they were marked as not live.
    """

    def __init__(
        self, settings: KafkaSettings, topics: Iterable[str], *, revoking: Callable[[], Awaitable[None]]
    ) -> None:
        self._settings = settings
        self._topics = list(topics)
        self._revoking = revoking
        self._consumer: AIOKafkaConsumer | None = None
        self._staying: asyncio.Task[None] | None = None
        self._told: dict[TopicPartition, int] = {}
        self._told_at = 0.0
        self.owned: dict[TopicPartition, Owned] = {}
        self.fresh: set[TopicPartition] = set()
        self.fenced: dict[TopicPartition, tuple[float, int]] = {}
        """When it was fenced, and what we had last known."""
        self.joined_at = time.monotonic()
        self.assigned = False

    @property
    def consumer(self) -> AIOKafkaConsumer:
        """The client; only between `start` and `stop`."""
        if self._consumer is None:
            raise RuntimeError("the reader is not started")
        return self._consumer

    async def start(self, waiting: Waiting) -> None:
        """Join the group, waiting for the broker for ever. Raises KafkaRefused."""
        self._consumer = await started(
            lambda: build_consumer(self._settings, CLIENT, group=GROUP),
            self._settings,
            operation="read the log",
            patience_s=None,
            waiting=waiting,
        )
        self._consumer.subscribe(topics=self._topics, listener=self)
        self._staying = asyncio.create_task(stay(self._consumer))

    async def stop(self) -> None:
        """Leave the group; takes a few seconds at most. May be called twice."""
        if self._staying is not None:
            self._staying.cancel()
        consumer, self._consumer = self._consumer, None
        self._lose(list(self.owned))
        if consumer is not None:
            await asyncio.wait([asyncio.ensure_future(consumer.stop())], timeout=3)

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Give up partitions, after what is being written is done (called by aiokafka)."""
        self.assigned = False
        self._lose(revoked)
        await self._revoking()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Take note of new partitions (called by aiokafka); `place` reads where they begin."""
        self._lose(list(self.owned))
        self.fenced.clear()
        self.fresh = set(assigned)
        self.assigned = True
        self.joined_at = time.monotonic()

    def _lose(self, partitions: Collection[TopicPartition]) -> None:
        for partition in partitions:
            owner = self.owned.pop(partition, None)
            if owner is not None:
                owner.live = False
            self.fresh.discard(partition)
            self.fenced.pop(partition, None)

    async def bounds(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """The first offset and the one after the last, of each partition. Raises errors of the client."""
        async with asyncio.timeout(_REQUEST_S):
            begins = await self.consumer.beginning_offsets(list(partitions))
            ends = await self.consumer.end_offsets(list(partitions))
        return {partition: (begins[partition], ends[partition]) for partition in partitions}

    def place(self, partition: TopicPartition, stored: StoredOffset) -> Owned | None:
        """Read a fresh partition from its stored offset on; None when it is not ours any more."""
        if partition not in self.fresh or partition not in self.consumer.assignment():
            return None
        self.fresh.discard(partition)
        owner = Owned(partition.topic, partition.partition, known=stored.next, ahead=stored.next, first=stored.first)
        self.consumer.seek(partition, stored.next)
        self.consumer.resume(partition)
        self.owned[partition] = owner
        return owner

    def fence(self, owners: Iterable[Owned]) -> None:
        """Leave partitions that another writer has moved: nothing more is read of them for now."""
        for owner in owners:
            partition = TopicPartition(owner.topic, owner.partition)
            owner.live = False
            if self.owned.pop(partition, None) is not None:
                self.fenced[partition] = (time.monotonic(), owner.known)
                if partition in self.consumer.assignment():
                    self.consumer.pause(partition)

    async def reclaim(self) -> None:
        """Ask Kafka whether fenced partitions are ours all the same; a zombie's question is refused."""
        now = time.monotonic()
        due = {p: known for p, (at, known) in self.fenced.items() if now - at > _CONFIRM_AFTER_S}
        if not due:
            return
        try:
            async with asyncio.timeout(_REQUEST_S):
                await self.consumer.commit(due)
        except CLIENT_ERRORS:
            self.fenced.update({p: (now, known) for p, known in due.items() if p in self.fenced})
            return
        for partition in due:
            if self.fenced.pop(partition, None) is not None:
                self.fresh.add(partition)

    async def poll(self, timeout_s: float, most: int) -> "list[tuple[Owned, Sequence[ConsumerRecord[bytes, bytes]]]]":
        """The next records of owned partitions, each in order. Raises errors of the client."""
        if not self.owned:
            # Nothing may be read of partitions that are not placed: asking for none waits for none.
            await asyncio.sleep(min(timeout_s, 0.1))
            await self.consumer.getmany(NOBODY, timeout_ms=0)
            return []
        found = await self.consumer.getmany(*self.owned, timeout_ms=int(timeout_s * 1000), max_records=most)
        return [(self.owned[partition], records) for partition, records in found.items() if partition in self.owned]

    async def tell(self, *, now: bool = False) -> None:
        """Write stored offsets to Kafka too, every few seconds: for lag tools only, so that failing does no harm."""
        moment = time.monotonic()
        if not now and moment - self._told_at < _TELL_EVERY_S:
            return
        self._told_at = moment
        news = {p: owner.known for p, owner in self.owned.items() if self._told.get(p) != owner.known}
        if not news:
            return
        try:
            async with asyncio.timeout(_REQUEST_S):
                await self.consumer.commit(news)
        except CLIENT_ERRORS:
            return
        self._told.update(news)

    def lag(self) -> Mapping[TopicPartition, int]:
        """Records between what is stored and the end of the log as last seen."""
        found = {}
        for partition, owner in self.owned.items():
            end = self.consumer.highwater(partition)
            if end is not None:
                found[partition] = max(0, end - owner.known)
        return found

    async def behind(self) -> bool:
        """Whether the log has records that do not come: the client may hang after a broker restart without a word."""
        if not self.owned:
            return not self.assigned or bool(self.fresh)
        bounds = await self.bounds(list(self.owned))
        return any(bounds[p][1] > owner.ahead for p, owner in self.owned.items() if p in bounds)
