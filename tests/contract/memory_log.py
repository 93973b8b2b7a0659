"""Kafka as far as a sender sees it, in memory: partitions by key, offsets, append times, refusals, outages."""

from collections.abc import Mapping, Sequence

from aiokafka.partitioner import DefaultPartitioner

from runtime.clock import Clock, ManualClock
from runtime.errors import KafkaUnavailable
from runtime.kafka.producer import Acknowledged, Outgoing, SendFailed
from schemas.record import RawRecord


class MemoryLog:
    """Implements `Sending`; `records` has what was sent. Shares its contract suite with `KafkaProducer`."""

    def __init__(
        self, partitions: Mapping[str, int], *, clock: Clock | None = None, max_bytes: int = 10 * 1024 * 1024
    ) -> None:
        self._clock = clock or ManualClock()
        self._max_bytes = max_bytes
        self._choose = DefaultPartitioner()
        self.logs: dict[str, list[list[RawRecord]]] = {
            topic: [[] for _ in range(count)] for topic, count in partitions.items()
        }
        self.away_for = 0
        """How many of the next sends find no broker."""

    async def send(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        """Append all, or raise SendFailed: when away, none; at a record that is too large, those before it."""
        if self.away_for:
            self.away_for -= 1
            raise SendFailed(KafkaUnavailable("no broker", operation="send"), acknowledged={}, refused={})
        done: dict[int, Acknowledged] = {}
        for index, record in enumerate(records):
            if len(record.value or b"") > self._max_bytes:
                cause = KafkaUnavailable("a record is too large", operation="send")
                raise SendFailed(cause, acknowledged=done, refused={index: "MessageSizeTooLargeError"})
            done[index] = self._append(record)
        return list(done.values())

    async def close(self) -> None:
        """Nothing to give back."""

    def records(self, topic: str) -> list[RawRecord]:
        """Return what a topic holds, partition after partition."""
        return [raw for partition in self.logs[topic] for raw in partition]

    def _append(self, record: Outgoing) -> Acknowledged:
        partitions = self.logs[record.topic]
        everywhere = list(range(len(partitions)))
        partition = record.partition
        if partition is None:
            partition = self._choose(record.key, everywhere, everywhere)
        log = partitions[partition]
        appended_ms = self._clock.now_ms()
        log.append(RawRecord(record.topic, partition, len(log), appended_ms, record.key, record.value, record.headers))
        return Acknowledged(record.topic, partition, len(log) - 1, appended_ms)
