"""The spool's streams in memory: how far each is, what is pending, whose turn it is."""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.registry import METRICS

SEQUENCE_BITS = 32
_SEQUENCES = (1 << SEQUENCE_BITS) - 1


def place_of(stream_id: int, sequence: int) -> int:
    """Return where an event stands in the file."""
    return stream_id << SEQUENCE_BITS | sequence


def sequence_at(place: int) -> int:
    """Return the sequence of the event at a place."""
    return place & _SEQUENCES


def stream_at(place: int) -> int:
    """Return the stream's id of the event at a place."""
    return place >> SEQUENCE_BITS


@dataclass(slots=True)
class Stream:
    """One topic and subject. `taken` is the last sequence that is under way, 0 when none is."""

    id: int
    topic: str
    subject: str
    next: int = 1
    acknowledged: int = 0
    pending: int = 0
    taken: int = 0

    @property
    def droppable(self) -> bool:
        """Whether it holds metrics that are not under way."""
        return self.topic == METRICS and self.pending > 0

    @property
    def bounds(self) -> tuple[int, int]:
        """The place before its first pending event, and that of its last."""
        return place_of(self.id, self.acknowledged), place_of(self.id, self.next - 1)

    @property
    def untaken(self) -> tuple[int, int]:
        """As `bounds`, without what is under way."""
        return place_of(self.id, max(self.acknowledged, self.taken)), place_of(self.id, self.next - 1)


class Streams:
    """All streams of one file."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str], Stream] = {}
        self._by_id: dict[int, Stream] = {}
        self._turn = 0

    def add(self, stream: Stream) -> None:
        """Remember a stream."""
        self._by_name[stream.topic, stream.subject] = stream
        self._by_id[stream.id] = stream

    def named(self, topic: str, subject: str) -> Stream:
        """Return the stream of a topic and a subject, made when there is none."""
        found = self._by_name.get((topic, subject))
        if found is None:
            found = Stream(max(self._by_id, default=0) + 1, topic, subject)
            self.add(found)
        return found

    def by_id(self, stream_id: int) -> Stream:
        """Return a stream by its id. KeyError when there is none."""
        return self._by_id[stream_id]

    def __iter__(self) -> Iterator[Stream]:
        return iter(self._by_id.values())

    def in_turn(self) -> list[Stream]:
        """Return the streams with something pending; each call begins with another one."""
        waiting = [stream for stream in self._by_id.values() if stream.pending]
        if not waiting:
            return []
        self._turn = (self._turn + 1) % len(waiting)
        return waiting[self._turn :] + waiting[: self._turn]
