"""What this worker owns: one fold a partition, loaded from the recovered tables after each rebalance.

Kafka's committed offsets are only hints here. A partition is read from the first record that its own state has not
applied, so a state that went back (a paused worker wrote an old one) is caught up from the log and nothing is missed.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from runtime.log import get_logger
from streams.entries import FIRST, Precedence, Term
from streams.fleet import AnyDerivation
from streams.folds import Fold, fold_of
from streams.worker.evidence import Evidence, Place, require_states

Admission = Literal["next", "repeated", "early", "reread", "hole"]
"""What to do with a record: fold it; skip it; skip it and read the partition again; fold it and tell of the hole."""

MOST_REREADS = 4


@dataclass(slots=True, eq=False)
class Owned:
    """One partition and its fold. Compared by identity: after a rebalance there is another one, or none."""

    derivation: AnyDerivation
    topic: str
    fold: Fold
    stored: int
    """The next offset as it is stored."""

    term: Term = FIRST
    """In which its states are written."""

    mend: tuple[tuple[bytes, bytes | None], ...] = ()
    """Entries that count, over which late ones lie in the changelog: to be written again with the next states."""

    end: int = 0
    """The end of the log as far as it is known: behind the last tick that we put."""

    passed: int = -1
    """The highest offset that came while an earlier one was awaited; -1 when none is."""

    rereads: int = 0
    """How often the awaited one was asked for again."""

    _stalled_at: int = -1
    _stalled_since: float = 0.0

    @property
    def partition(self) -> int:
        """The number of the partition."""
        return self.fold.partition

    def admit(self, offset: int) -> Admission:
        """Whether a record is the next one: offsets of topics that are not compacted have no holes.

        Faust may deliver what it had fetched before a seek, or drop a record while its flow is stopped. Then a later
        one comes first, and the awaited one must be read again. A hole that stays after several tries is one of the
        log (the marker of somebody's transaction).
        """
        expected = self.fold.next_offset
        if offset < expected:
            return "repeated"
        if offset == expected:
            self.passed, self.rereads = -1, 0
            return "next"
        on_its_way = offset > self.passed >= 0
        self.passed = max(self.passed, offset)
        if on_its_way:
            return "early"
        # The position was set back, and the awaited record did not come: once more, or there is none.
        if self.rereads == MOST_REREADS:
            self.passed, self.rereads = -1, 0
            return "hole"
        self.rereads += 1
        self.passed = offset
        return "reread"

    def stalled_s(self, now: float) -> float:
        """How long there have been records to read with nothing stored, by a monotonic clock."""
        if self.stored != self._stalled_at or not self.lag:
            self._stalled_at, self._stalled_since = self.stored, now
        return now - self._stalled_since

    @property
    def lag(self) -> int:
        """How many records are known to be there and not applied and stored."""
        return max(0, self.end - self.stored)


@dataclass(frozen=True, slots=True)
class Recovered:
    """A table as it was recovered: its entries, and by partition what was found out about them."""

    entries: Mapping[bytes, bytes] = field(default_factory=dict)
    partitions: Mapping[int, Precedence] = field(default_factory=dict)


class Ownership:
    """The partitions of this worker, by topic and number."""

    def __init__(self, derivations: Iterable[AnyDerivation]) -> None:
        self.derivations = {one.reads: one for one in derivations}
        self._owned: dict[Place, Owned] = {}
        self.generation = 0
        self._unsettled_at: float | None = None
        self.evidence: Mapping[Place, Evidence] = {}
        """What states there must be; nothing is known of those that are left out."""

        self._log = get_logger("streams")

    def __iter__(self) -> Iterator[Owned]:
        return iter(list(self._owned.values()))

    def get(self, topic: str, partition: int) -> Owned | None:
        """The partition if it is ours."""
        return self._owned.get((topic, partition))

    def holds(self, owned: Owned) -> bool:
        """Whether the partition is still ours, in the same ownership."""
        return self._owned.get((owned.topic, owned.partition)) is owned

    def lose_all(self) -> None:
        """A rebalance begins: nothing is ours until it is given again."""
        self._owned = {}
        self._unsettled_at = time.monotonic()

    def settling_on(self) -> None:
        """More of a changelog was read: the rebalance gets on."""
        if self._unsettled_at is not None:
            self._unsettled_at = time.monotonic()

    def take(self, places: Iterable[Place], tables: Mapping[str, "Recovered"], *, generation: int) -> None:
        """Own these partitions, with the states in the recovered tables (by table name), in this generation.

        Raises StateUnreadable, StateLost.
        """
        by_topic: dict[str, list[int]] = defaultdict(list)
        for topic, partition in places:
            if topic in self.derivations:
                by_topic[topic].append(partition)
        owned: dict[Place, Owned] = {}
        for topic, partitions in by_topic.items():
            derivation = self.derivations[topic]
            entries = _by_partition(tables[derivation.table].entries)
            for partition in sorted(partitions):
                fold = fold_of(derivation, partition)
                fold.load(entries.get(partition, ()))
                found = tables[derivation.table].partitions.get(partition, Precedence())
                mend = tuple((key, tables[derivation.table].entries.get(key)) for key in sorted(found.overwritten))
                owned[topic, partition] = Owned(
                    derivation, topic, fold, fold.next_offset, term=found.term.after(generation), mend=mend
                )
                if mend:
                    facts = {"topic": topic, "partition": partition, "states": len(mend)}
                    self._log.warning("another wrote after it had lost the partition: put right", **facts)
        positions = {place: one.stored for place, one in owned.items()}
        for topic, partition in require_states(positions, self.evidence, self.derivations):
            self._log.warning("the state went back, and is brought up from the log", topic=topic, partition=partition)
        self._owned = owned
        self._unsettled_at = None
        self.generation += 1
        self._log.info("partitions taken", **{topic: len(partitions) for topic, partitions in by_topic.items()})

    def stalled_s(self, now: float) -> float:
        """How long the partition that waits longest has had records to read and nothing stored; seconds."""
        return max((one.stalled_s(now) for one in self), default=0.0)

    def unsettled_s(self, now: float) -> float:
        """How long a rebalance has not got on; seconds, 0 when there is none."""
        since = self._unsettled_at
        return 0.0 if since is None else now - since

    def stuck_s(self, now: float) -> float:
        """The longer of both: for the watchdog, which asks from a thread of its own."""
        return max(self.stalled_s(now), self.unsettled_s(now))

    def positions(self) -> dict[Place, int]:
        """Where each partition is to be read from."""
        return {place: owned.fold.next_offset for place, owned in self._owned.items()}


def _by_partition(table: Mapping[bytes, bytes]) -> dict[int, list[tuple[bytes, bytes]]]:
    found: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
    for key, value in table.items():
        found[int(key.partition(b"|")[0])].append((key, value))
    return found
