"""The states of a derivation made anew from the log: what a worker that lost its changelog goes on from.

The source is folded from its start as workers fold it. Of what follows, that which the topic lacks behind the last
event that it has is put there; what lies before was told, in whatever form, and is only counted. The states go to the
changelog, a partition's own last, so that a rebuild that was interrupted leaves a state that no worker takes for whole.

Where retention has taken the start of the source, states begin with what is kept: sequences go on after the highest in
the topic, and nothing is put that follows from records which the workers had dealt with.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from replay.log import read_reaches
from replay.plan import Reach
from runtime.clock import Clock
from runtime.errors import AlreadyRunning, InputInvalid
from runtime.kafka.admin import group_state
from runtime.kafka.catalog import TopicCatalog
from runtime.kafka.consumer import read_topics
from runtime.kafka.outgoing import outgoing
from runtime.kafka.producer import Outgoing, Sending
from runtime.settings import KafkaSettings
from schemas.headers import REDRIVE_FOR, header
from schemas.record import RawRecord, RecordReader
from schemas.refusal import EventRefused
from streams.applied import Derived
from streams.derivations import all_derivations
from streams.entries import FIRST, Entries, Term
from streams.fleet import AnyDerivation
from streams.folds import Fold, fold_of
from streams.origin import Origin, output_partition
from streams.stored import StateUnreadable, partition_key
from streams.worker.evidence import Evidence, gather

Tell = Callable[[str], None]

_LAST = 2**31 - 1
"""No generation of a group is higher."""


@dataclass(slots=True)
class Rebuilt:
    """What was done for one derivation. `differing`: derived, but not in the topic although later ones are."""

    name: str
    partitions: list[int] = field(default_factory=list)
    whole: int = 0
    cut: list[int] = field(default_factory=list)
    records: int = 0
    derived: int = 0
    found: int = 0
    put: int = 0
    differing: int = 0
    states: int = 0
    removed: int = 0


@dataclass(slots=True)
class _Tail:
    """What a partition's fold derived behind the last event that the topic has, each with its cause's offset."""

    pending: list[tuple[Derived, int]] = field(default_factory=list)
    derived: int = 0
    found: int = 0
    differing: int = 0

    def take(self, one: Derived, cause_offset: int, *, is_there: bool) -> None:
        """Take the next one in the order of the source."""
        self.derived += 1
        if is_there:
            self.found += 1
            self.differing += len(self.pending)
            self.pending = []
        else:
            self.pending.append((one, cause_offset))


@dataclass(slots=True)
class _Told:
    """What the topic has of the derivation: ids, and by partition of the input the highest sequence by subject."""

    ids: set[bytes] = field(default_factory=set)
    highest: dict[int, dict[str, int]] = field(default_factory=dict)


def chosen(names: Sequence[str]) -> list[AnyDerivation]:
    """The derivations of these names; `alerts` stands for all that begin so. Raises InputInvalid."""
    known = all_derivations()
    for name in names:
        if not any(_is(one.name, name) for one in known):
            raise InputInvalid(
                f"there is no derivation {name}; there are {', '.join(one.name for one in known)}", operation="rebuild"
            )
    return [one for one in known if any(_is(one.name, name) for name in names)]


def _is(derivation: str, name: str) -> bool:
    return derivation == name or derivation.startswith(f"{name}-")


async def require_no_workers(settings: KafkaSettings, catalog: TopicCatalog, clock: Clock, *, wait_s: float) -> None:
    """Wait until no streams worker is in the group: one that was killed counts until its session ends.

    Raises AlreadyRunning when one still is after `wait_s`.
    """
    deadline = clock.monotonic() + wait_s
    while members := (await group_state(settings, catalog.changelogs.app)).members:
        if clock.monotonic() >= deadline:
            raise AlreadyRunning(
                f"streams workers are running ({', '.join(members)}): stop all of them first", operation="rebuild"
            )
        await clock.sleep(1.0)


class Rebuild:
    """Rebuilds one derivation. Those partitions whose state is whole are left alone, unless `everything`.

    Workers that are about to leave are waited for, `wait_s` at most.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        catalog: TopicCatalog,
        derivation: AnyDerivation,
        *,
        producer: Sending,
        clock: Clock,
        wait_s: float,
        everything: bool = False,
        tell: Tell = lambda _: None,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._derivation = derivation
        self._changelog = catalog.changelog(derivation.table)
        self._producer = producer
        self._clock = clock
        self._wait_s = wait_s
        self._everything = everything
        self._tell = tell
        self._reader = RecordReader()
        self._terms: dict[int, Term] = {}

    async def run(self) -> Rebuilt:
        """Do it. Raises AlreadyRunning, KafkaUnavailable, KafkaRefused, TopicsMissing, SendFailed."""
        await require_no_workers(self._settings, self._catalog, self._clock, wait_s=self._wait_s)
        done = Rebuilt(self._derivation.name)
        evidence = await gather(self._settings, self._catalog, [self._derivation], batch_records=0)
        stored = await self._stored()
        wanted = {
            partition: one
            for (_, partition), one in sorted(evidence.items())
            if self._is_wanted(partition, stored.get(partition, {}), one)
        }
        done.whole = len(evidence) - len(wanted)
        if not wanted:
            return done
        self._tell(f"{done.name}: {len(wanted)} partitions to rebuild, {done.whole} whole or empty")
        told = await self._told([partition for _, partition in evidence])
        folds, tails = await self._fold(wanted, told, done)
        # From here on no worker takes the old state for whole.
        await self._producer.send([self._entry(one, partition_key(one), None) for one in wanted])
        for partition, one in wanted.items():
            highest = told.highest.get(partition, {})
            await self._put(tails[partition], highest, partition=partition, evidence=one, done=done)
            folds[partition].pass_over(one.end - 1)
            folds[partition].continue_after(highest)
            await self._store(folds[partition], stored.get(partition, {}), done)
            done.partitions.append(partition)
            done.cut += [partition] if one.begin > 0 else []
        return done

    def _is_wanted(self, partition: int, entries: Mapping[bytes, bytes], evidence: Evidence) -> bool:
        fold = fold_of(self._derivation, partition)
        try:
            fold.load(entries.items())
        except StateUnreadable:
            return True
        is_lost = fold.next_offset == 0 or evidence.verdict(fold.next_offset) == "lost"
        return evidence.end > 0 and (self._everything or is_lost)

    async def _stored(self) -> dict[int, dict[bytes, bytes]]:
        """What the changelog holds now, by partition."""
        found: dict[int, Entries] = defaultdict(Entries)
        async for raw in read_topics(self._settings, [self._changelog]):
            found[raw.partition].take(raw)
        # Above that of any worker that found the same, should one be left that only stands still.
        self._terms = {number: one.partitions[number].term.after(_LAST) for number, one in found.items()}
        return {number: entries.values for number, entries in found.items()}

    async def _told(self, inputs: Sequence[int]) -> _Told:
        """What the output topic holds of this derivation."""
        origin, told = Origin(self._derivation, inputs), _Told()
        async for raw in read_topics(self._settings, [self._derivation.writes]):
            event = origin.event(raw)
            if event is None:
                continue
            told.ids.add(event.id.bytes)
            highest = told.highest.setdefault(origin.of(raw), {})
            highest[event.subject] = max(highest.get(event.subject, 0), event.sequence or 0)
        return told

    async def _fold(
        self, wanted: Mapping[int, Evidence], told: _Told, done: Rebuilt
    ) -> tuple[dict[int, Fold], dict[int, _Tail]]:
        folds = {partition: fold_of(self._derivation, partition) for partition in wanted}
        tails = {partition: _Tail() for partition in wanted}
        topic = self._derivation.reads
        reaches = [Reach(topic, partition, one.begin, one.end) for partition, one in wanted.items()]
        async for piece in read_reaches(self._settings, reaches):
            for raw in piece.raws:
                done.records += 1
                for one in self._apply(folds[raw.partition], raw):
                    tails[raw.partition].take(one, raw.offset, is_there=one.event.id.bytes in told.ids)
        for tail in tails.values():
            done.derived, done.found = done.derived + tail.derived, done.found + tail.found
        return folds, tails

    def _apply(self, fold: Fold, raw: RawRecord) -> Sequence[Derived]:
        """Fold a record as the worker does; what it puts aside is only passed over here."""
        redrive = header(raw.headers, REDRIVE_FOR) if raw.headers else None
        try:
            if redrive is None or redrive == self._derivation.name.encode():
                return fold.apply(self._reader.read(raw)).outputs
        except EventRefused:
            pass
        fold.pass_over(raw.offset)
        return ()

    async def _put(
        self, tail: _Tail, highest: dict[str, int], *, partition: int, evidence: Evidence, done: Rebuilt
    ) -> None:
        """Put what the topic lacks at its end, numbered on; `highest` is what it holds afterwards."""
        # What follows from the start of what is kept may be news only because what was before is not known any more.
        from_offset = (evidence.committed or 0) if evidence.begin > 0 else 0
        missing = [one for one, cause_offset in tail.pending if cause_offset >= from_offset]
        done.differing += tail.differing + len(tail.pending) - len(missing)
        records = []
        for one in missing:
            number = highest[one.event.subject] = highest.get(one.event.subject, 0) + 1
            records.append(
                outgoing(
                    one.event.model_copy(update={"sequence": number}),
                    self._derivation.writes,
                    sent_ms=self._clock.now_ms(),
                    cause_appended_ms=one.cause_appended_ms,
                    partition=output_partition(self._derivation.writes, partition),
                )
            )
        await self._producer.send(records)
        done.put += len(records)

    async def _store(self, fold: Fold, before: Mapping[bytes, bytes], done: Rebuilt) -> None:
        """Write the states of a partition; remove those of what is not known any more; then its own."""
        changes, entry = fold.changes(), self._entry
        states = () if changes is None else (*changes.states, changes.partition)
        strays = sorted(set(before) - {key for key, _ in states})
        done.removed += len(strays)
        if changes is not None:
            done.states += len(changes.states)
            strays += changes.forgotten
            await self._producer.send([entry(fold.partition, *state) for state in changes.states])
        await self._producer.send([entry(fold.partition, key, None) for key in strays])
        if changes is not None:
            await self._producer.send([entry(fold.partition, *changes.partition)])

    def _entry(self, partition: int, key: bytes, value: bytes | None) -> Outgoing:
        return Outgoing(self._changelog, key, value, self._terms.get(partition, FIRST).headers(), partition)
