"""Reading the log for operators: bounded in time, ticks and rules passed over, the rest decoded."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from replay.log import bounds_of, read_reaches
from replay.plan import Bounds, Place, Reach
from runtime.errors import TopicsMissing
from runtime.kafka.catalog import load_catalog
from runtime.settings import KafkaSettings
from schemas.record import AnyRead, RawRecord, Record, RecordReader
from schemas.refusal import EventRefused
from streams.entries import Entries

_OF_PARTITIONS = b"_partition-"
"""How the keys of ticks and rules begin."""

Decoded = Record[AnyRead]
Wants = Callable[[RawRecord], bool]


@dataclass(frozen=True, slots=True)
class Extent:
    """What the broker says of some topics at one moment, and where each partition stood at a time, or at two."""

    bounds: Mapping[Place, Bounds]

    def end(self, topic: str, partition: int = 0) -> int:
        """The offset after the last record; 0 of a topic that is not there."""
        bound = self.bounds.get((topic, partition))
        return 0 if bound is None else bound.end

    def since(self, topic: str) -> list[Reach]:
        """What was appended to a topic since the time of the extent, up to its second time if it has one."""
        return [
            Reach(*place, max(bound.begin, bound.at_from), bound.end if bound.at_to is None else bound.at_to)
            for place, bound in sorted(self.bounds.items())
            if place[0] == topic and bound.at_from is not None
        ]

    def whole(self, topic: str) -> list[Reach]:
        """All of a topic that is still there."""
        return [
            Reach(*place, bound.begin, bound.end) for place, bound in sorted(self.bounds.items()) if place[0] == topic
        ]

    def after(self, topic: str, offset: int, partition: int = 0) -> list[Reach]:
        """What follows after an offset."""
        bound = self.bounds.get((topic, partition))
        return [] if bound is None else [Reach(topic, partition, max(bound.begin, offset + 1), bound.end)]


async def extent(
    settings: KafkaSettings,
    topics: Sequence[str],
    *,
    since_ms: int,
    until_ms: int | None = None,
    optional: Sequence[str] = (),
) -> Extent:
    """Ask the broker how far topics reach; those of `optional` may be missing.

    Raises TopicsMissing, KafkaUnavailable, KafkaRefused.
    """
    try:
        return Extent(await bounds_of(settings, [*topics, *optional], from_ms=since_ms, to_ms=until_ms))
    except TopicsMissing as error:
        missing = error.details.get("topics")
        if not optional or not isinstance(missing, list) or not set(missing) <= set(optional):
            raise
    there = [topic for topic in optional if topic not in missing]
    return Extent(await bounds_of(settings, [*topics, *there], from_ms=since_ms, to_ms=until_ms))


async def entries(settings: KafkaSettings, reaches: Sequence[Reach]) -> dict[bytes, bytes]:
    """What a changelog of states holds: of each key the entry that counts, deleted ones left out."""
    found = Entries()
    async with aclosing(read_reaches(settings, reaches)) as pieces:
        async for piece in pieces:
            for raw in piece.raws:
                found.take(raw)
    return found.values


async def decoded(
    settings: KafkaSettings, reaches: Sequence[Reach], *, wants: Wants | None = None
) -> AsyncGenerator[Decoded, None]:
    """The events in some ranges, topic after topic, without ticks and rules, and without what is no valid event."""
    reader = RecordReader()
    async with aclosing(read_reaches(settings, reaches)) as pieces:
        async for piece in pieces:
            for raw in piece.raws:
                if raw.key is None or raw.key.startswith(_OF_PARTITIONS) or (wants is not None and not wants(raw)):
                    continue
                try:
                    yield reader.read(raw)
                except EventRefused:
                    # The consumers put it aside; it decided nothing.
                    continue


def changelog(settings: KafkaSettings, table: str) -> str:
    """The topic of a derivation's states."""
    return load_catalog(settings).changelog(table)
