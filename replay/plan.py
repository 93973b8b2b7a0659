"""Which part of the log is read again: ranges of offsets, and which of their records are wanted. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.record import AnyRead, RawRecord, Record

Place = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Offsets `begin` to `end`, exclusive, of one partition."""

    topic: str
    partition: int
    begin: int
    end: int

    @property
    def place(self) -> Place:
        """Topic and partition."""
        return (self.topic, self.partition)

    def __len__(self) -> int:
        return max(0, self.end - self.begin)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is read again. Times are append times (the broker's clock), ms since 1970; `to_ms` None: to the end."""

    from_ms: int
    to_ms: int | None
    topics: tuple[str, ...]
    device: str | None = None
    type: str | None = None

    def wants(self, raw: RawRecord) -> bool:
        """Whether a record may be one of those, before it is decoded. One without a value has no type."""
        if self.device is not None and raw.key != self.device.encode():
            return False
        return self.type is None or (raw.value is not None and self.type.encode() in raw.value)

    def takes(self, record: Record[AnyRead] | None) -> bool:
        """Whether a decoded record is one of those; None, a dead letter, is of no type."""
        return self.type is None or (record is not None and record.event.type == self.type)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the broker says of a partition: its offsets, and the first ones at or after each end of the window."""

    begin: int
    end: int
    at_from: int | None
    at_to: int | None


def reaches(selection: Selection, bounds: Mapping[Place, Bounds], stored: Mapping[Place, int]) -> list[Reach]:
    """The ranges to read, those of earlier topics first.

    None goes beyond what the live sink has `stored`: that is its own to do, and what it could not store up to there
    lies in the dead letters. A partition that no sink has begun is read to its end.
    """
    found = []
    for place in sorted(bounds, key=lambda place: (selection.topics.index(place[0]), place[1])):
        bound = bounds[place]
        end = bound.end if selection.to_ms is None or bound.at_to is None else bound.at_to
        end = min(end, stored.get(place, end))
        begin = bound.end if bound.at_from is None else max(bound.begin, bound.at_from)
        if begin < end:
            found.append(Reach(*place, begin, end))
    return found


def left(found: Iterable[Reach], done: Mapping[Place, int]) -> list[Reach]:
    """What is still to be read when each partition was read up to `done`."""
    rest = [Reach(one.topic, one.partition, max(one.begin, done.get(one.place, 0)), one.end) for one in found]
    return [one for one in rest if one]
