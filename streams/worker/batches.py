"""One batch: fold it in memory; send what follows; write the states, the partitions' own last.

Each of these is acknowledged by Kafka before the next is begun, and the batch's own acknowledgement comes after all of
them. A kill between any two changes no result: what is derived again has the same ids and sequences, and a state knows
the offset it stands at.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from runtime.clock import Clock
from runtime.errors import Poisoned
from runtime.kafka.dead_letters import DeadLetter, refused, to_record
from runtime.kafka.outgoing import outgoing
from runtime.kafka.producer import Outgoing
from runtime.log import get_logger
from runtime.metrics import KafkaMetrics
from schemas.headers import REDRIVE_FOR, header
from schemas.record import RawRecord, RecordReader
from schemas.refusal import EventRefused
from streams.applied import Applied
from streams.origin import output_partition
from streams.stored import Changes
from streams.worker.limit import Limit, Tally
from streams.worker.metrics import StreamsMetrics
from streams.worker.owned import Owned, Ownership
from streams.worker.pulse import Pulse
from streams.worker.writing import PatientSender

NO_DEAD_LETTER = frozenset({"rules_older"})
"""Problems that are told in the log only: nothing is wrong with the record."""


@dataclass(slots=True)
class Folded:
    """What came of a batch in memory, before anything is sent."""

    records: list[Outgoing] = field(default_factory=list)
    touched: dict[tuple[str, int], Owned] = field(default_factory=dict)
    letters: list[DeadLetter] = field(default_factory=list)
    reread: list[Owned] = field(default_factory=list)
    outputs: int = 0


@dataclass(frozen=True, slots=True)
class Tools:
    """What a batch works with."""

    sender: PatientSender
    clock: Clock
    metrics: StreamsMetrics
    kafka: KafkaMetrics
    limit: Limit
    pulse: Pulse
    reread: Callable[[Sequence[Owned]], Awaitable[None]]
    """Read partitions again from the first record that is not applied."""


class Batches:
    """Works off the batches of one derivation. `changelog` is the topic of its states."""

    def __init__(self, name: str, changelog: str, *, ownership: Ownership, tools: Tools) -> None:
        self._name = name
        self._changelog = changelog
        self._ownership = ownership
        self._tools = tools
        self._reader = RecordReader()
        self._tally = Tally()
        self._log = get_logger("streams", derivation=name)

    async def work_off(self, raws: Sequence[RawRecord]) -> None:
        """Return once everything that follows from these records is acknowledged.

        Raises SendFailed, Poisoned, Paused: then nothing of the batch must be acknowledged.
        """
        tools, began = self._tools, self._tools.clock.monotonic()
        folded = self._fold(raws)
        if (why := self._tally.exceeded(tools.limit)) is not None:
            raise Poisoned(
                f"{self._name} stops: {why}; see `infrastructor dead-letters list`, the last was: "
                f"{folded.letters[-1].message if folded.letters else 'unknown'}",
                operation="derive",
            )
        await tools.sender.send(folded.records)
        tools.pulse.check()
        written = await self._write(folded.touched.values())
        if folded.reread:
            await tools.reread([owned for owned in folded.reread if self._ownership.holds(owned)])
        metrics = tools.metrics
        metrics.records.labels(self._name).inc(len(raws))
        metrics.outputs.labels(self._name).inc(folded.outputs)
        metrics.states.labels(self._name).inc(written)
        metrics.batch_seconds.labels(self._name).observe(tools.clock.monotonic() - began)
        for letter in folded.letters:
            tools.kafka.dead_letters.labels(letter.origin.topic, letter.reason).inc()

    def _fold(self, raws: Iterable[RawRecord]) -> Folded:
        folded = Folded()
        for raw in raws:
            owned = self._ownership.get(raw.topic, raw.partition)
            if owned is None:
                # From before a rebalance: whoever owns the partition now reads it from its state.
                continue
            folded.touched[raw.topic, raw.partition] = owned
            self._fold_one(raw, owned, folded)
        return folded

    def _fold_one(self, raw: RawRecord, owned: Owned, folded: Folded) -> None:
        admission = owned.admit(raw.offset)
        if admission != "next":
            self._tools.metrics.notes.labels(self._name, admission).inc()
            if admission == "reread":
                folded.reread.append(owned)
            if admission != "hole":
                return
            self._log.error("records are missing in the log", partition=raw.partition, before=raw.offset)
        redrive = header(raw.headers, REDRIVE_FOR) if raw.headers else None
        if redrive is not None and redrive != self._name.encode():
            # Put back for another consumer: not even looked at, for it may be no event to us.
            owned.fold.pass_over(raw.offset)
            return
        try:
            record = self._reader.read(raw)
        except EventRefused as error:
            now_ms = self._tools.clock.now_ms()
            self._bury(refused(raw, error, consumer=self._name, failed_at_ms=now_ms), folded)
            owned.fold.pass_over(raw.offset)
            return
        applied = owned.fold.apply(record)
        self._told(applied, raw, folded)
        now_ms = self._tools.clock.now_ms() if applied.outputs else 0
        topic = owned.derivation.writes
        partition = output_partition(topic, raw.partition)
        for one in applied.outputs:
            folded.outputs += 1
            folded.records.append(
                outgoing(one.event, topic, sent_ms=now_ms, cause_appended_ms=one.cause_appended_ms, partition=partition)
            )

    def _told(self, applied: Applied, raw: RawRecord, folded: Folded) -> None:
        for note in applied.notes:
            self._tools.metrics.notes.labels(self._name, note).inc()
        if not applied.problems:
            self._tally = self._tally.after(failed=False)
            return
        first = applied.problems[0]
        if first.reason in NO_DEAD_LETTER:
            self._log.warning("passed over", why=first.message, partition=raw.partition, offset=raw.offset)
            return
        now_ms = self._tools.clock.now_ms()
        self._bury(DeadLetter(self._name, raw, first.reason, first.message, now_ms), folded)
        for one in applied.problems[1:]:
            # A record is put aside once, however many of its devices fail.
            self._log.warning(
                "failed besides",
                reason=one.reason,
                why=one.message,
                device=one.device,
                partition=raw.partition,
                offset=raw.offset,
            )

    def _bury(self, letter: DeadLetter, folded: Folded) -> None:
        self._tally = self._tally.after(failed=True)
        origin = letter.origin
        self._log.warning(
            "put aside", reason=letter.reason, why=letter.message, partition=origin.partition, offset=origin.offset
        )
        folded.letters.append(letter)
        folded.records.append(to_record(letter))

    async def _write(self, touched: Iterable[Owned]) -> int:
        """Write what changed of the partitions that are still ours: states, then the partitions' own."""
        changed = [(owned, owned.fold.changes()) for owned in touched if self._ownership.holds(owned)]
        ours = [(owned, changes) for owned, changes in changed if changes is not None]
        states = [
            self._state(owned, key, value) for owned, changes in ours for key, value in (*owned.mend, *changes.states)
        ]
        await self._tools.sender.send(states)
        self._tools.pulse.check()
        ours = [(owned, changes) for owned, changes in ours if self._ownership.holds(owned)]
        await self._tools.sender.send([self._state(owned, *changes.partition) for owned, changes in ours])
        for owned, _ in ours:
            owned.stored, owned.mend = owned.fold.next_offset, ()
            self._tools.metrics.applied.labels(owned.topic, owned.partition).set(owned.stored - 1)
        await self._tools.sender.send(self._forgotten(ours))
        return len(states)

    def _forgotten(self, ours: Iterable[tuple[Owned, Changes]]) -> list[Outgoing]:
        return [self._state(owned, key, None) for owned, changes in ours for key in changes.forgotten]

    def _state(self, owned: Owned, key: bytes, value: bytes | None) -> Outgoing:
        return Outgoing(self._changelog, key, value, owned.term.headers(), owned.partition)
