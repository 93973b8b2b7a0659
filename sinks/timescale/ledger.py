"""The sequence ledger: which events of a stream were seen. Pure; the writer stores what it says.

A stream is what a sequence counts within: (topic, subject, scope), the scope being the agent's epoch, else the source.
All of a stream lies in one partition, so whoever owns the partition owns its streams: what is read of them stays true
as long as the offset's compare-and-set holds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from schemas.identity import sequence_scope
from schemas.registry import DEVICES
from sinks.timescale.ranges import Ranges
from sinks.timescale.rows import ReadRecord

Stream = tuple[str, str, str]
"""Topic, subject, scope."""


_NONE = Ranges()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a stream: sequences stored, sequences dead-lettered, and where counting began for us."""

    seen: Ranges = _NONE
    dead: Ranges = _NONE
    since: int = 1

    def has(self, sequence: int) -> bool:
        """Whether an event with this sequence is a repetition."""
        return sequence in self.seen or sequence in self.dead

    @property
    def highest(self) -> int:
        """The highest sequence that is known, 0 when there is none."""
        return max(self.seen.end, self.dead.end) - 1

    def with_seen(self, sequences: Iterable[int]) -> "Known":
        """What is known once these are stored; one that was dead (a redriven event) lives again."""
        found = list(sequences)
        dead = self.dead
        for sequence in found if dead else ():
            dead = dead.without(sequence)
        return replace(self, seen=self.seen.with_numbers(found), dead=dead)

    def with_dead(self, sequences: Iterable[int]) -> "Known":
        """What is known once these are dead-lettered; what is stored stays stored."""
        return replace(self, dead=self.dead.with_numbers(one for one in sequences if one not in self.seen))


def stream_of(record: ReadRecord) -> Stream | None:
    """The stream that counts an event; None when it is known by its id: no sequence, or a compacted topic."""
    if record.event.sequence is None or record.topic == DEVICES:
        return None
    return (record.topic, record.event.subject, sequence_scope(record.event.source))


Ledger = dict[Stream, Known]


def folded(known: Mapping[Stream, Known], changes: "Changes") -> Ledger:
    """The streams that a batch changes, as they are after it."""
    after: Ledger = {}
    for stream in changes.seen.keys() | changes.dead.keys():
        before = known.get(stream) or Known(since=changes.since.get(stream, 1))
        after[stream] = before.with_seen(changes.seen.get(stream, ())).with_dead(changes.dead.get(stream, ()))
    return after


@dataclass(slots=True)
class Changes:
    """What a batch adds to the ledger; `since` where a stream is new and did not begin with 1 for us."""

    seen: dict[Stream, list[int]]
    dead: dict[Stream, list[int]]
    since: dict[Stream, int]
