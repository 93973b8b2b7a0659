"""The spool's streams in memory: how far each is, what is pending, whose turn it is."""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.registry import METRICS

RUN = 16
"""Events of one stream that are taken at a time, however many streams wait: they lie side by side in the file, and are
read and deleted together."""

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


def share_of(max_events: int, streams: int) -> int:
    """Return how many events of each stream are taken when so many streams wait for so many places."""
    return max(1, min(RUN, max_events // 4), max_events // max(1, streams))


@dataclass(slots=True)
class Stream:
    """One topic and subject. Up to sequence `taken` all is under way, or acknowledged."""

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
    def waits(self) -> bool:
        """Whether it may have events that are not under way."""
        return self.pending > 0 and max(self.acknowledged, self.taken) < self.next - 1

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
        self._served = 0

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
        """Return the streams with something that waits, beginning after the one that was served last."""
        waiting = [stream for stream in self._by_id.values() if stream.waits]
        begin = next((index for index, stream in enumerate(waiting) if stream.id > self._served), 0)
        return waiting[begin:] + waiting[:begin]

    def took(self, stream: Stream, sequence: int) -> None:
        """Remember that a stream's events up to a sequence are under way, and that it was its turn."""
        stream.taken = sequence
        self._served = stream.id

    def go_on_from(self, before: "Streams") -> None:
        """Take over what is under way, and whose turn it is, from these streams as they were known before."""
        self._served = before._served  # noqa: SLF001 - one of us
        for stream in before:
            if stream.taken and stream.id in self._by_id:
                self._by_id[stream.id].taken = stream.taken
