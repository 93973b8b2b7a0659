"""The fold of one partition whose core sees all subjects at once; beside `streams.fold`, with the same promises.

What was applied is skipped: by offset, by sequence within (source, subject), and events of operators, which have no
sequence, by their ids. What is derived has ids, sequences and times that depend on the cause and the state alone.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from schemas.identity import sequence_scope
from schemas.record import AnyRead, Record
from streams.applied import NOTHING, REPEATED, Applied, Derived, Problem
from streams.derivation import Moment, P
from streams.fleet import FleetDerivation, FleetStep, Key, Parts, Told
from streams.fleet_stored import LEDGER, OWN_PARTS, RECENT, Ledger, Recent, encode_part, load_parts, part_key
from streams.standing import OnStanding, Standing, enveloped, failure_place
from streams.stored import Changes

MOST_RECENT = 256
"""How many ids of events without a sequence are remembered."""

_IDS = (RECENT, "ids")


class FleetFold(OnStanding[P]):
    """One partition-wide derivation. `apply` in the order of offsets; `changes` for what must be stored."""

    def __init__(self, derivation: FleetDerivation[P], partition: int) -> None:
        super().__init__(Standing(derivation, partition), derivation.name)
        self._derivation = derivation
        self._parts: dict[str, dict[str, Any]] = {kind: {} for kind in (*derivation.part_types, *OWN_PARTS)}
        self._touched: dict[Key, Any] = {}
        self._gone: set[Key] = set()

    @property
    def parts(self) -> Parts:
        """The state, by kind and name."""
        return self._parts

    def load(self, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Start from stored parts; entries of other partitions are passed over. Raises StateUnreadable."""
        loaded = load_parts(self.partition, entries, self._derivation.part_types)
        for kind, name in loaded.parts:
            self._parts[kind][name] = loaded.parts[kind, name]
        self._touched = {key: loaded.parts.get(key) for key in loaded.ahead}
        self._gone = set(loaded.gone)
        self._standing.load(loaded.partition, loaded)

    def continue_after(self, sent: Mapping[str, int]) -> None:
        """Number what is derived from here on after these numbers, by subject."""
        for subject, number in sent.items():
            if self._ledger(subject).sent != number:
                self._put((LEDGER, subject), replace(self._ledger(subject), sent=number))

    def changes(self) -> Changes | None:
        """What changed since the last call, encoded; None when no record was applied."""
        standing, partition = self._standing, self.partition
        if standing.offset == standing.stored_offset:
            return None
        since, offset = standing.stored_offset, standing.offset
        states = standing.documents()
        for key, before in self._touched.items():
            part = self._part(key)
            states.append((part_key(partition, key), encode_part(part, before, offset=offset, since=since)))
            # Also what came and went within the batch: an earlier try may have stored it half way.
            self._gone.discard(key) if part is not None else self._gone.add(key)
        own, forgotten = standing.store()
        deleted = tuple(part_key(partition, key) for key in sorted(self._gone))
        self._touched, self._gone = {}, set()
        return Changes(tuple(states), own, (*forgotten, *deleted))

    def _ticked(self, record: Record[AnyRead]) -> Applied:
        return self._stepped(record, self._derivation.on_tick, at_append=True)

    def _ruled(self, record: Record[AnyRead]) -> Applied:
        return self._stepped(record, self._derivation.on_rules, at_append=True)

    def _event(self, record: Record[AnyRead]) -> Applied:
        event = record.event
        redriven = record.redrive_for is not None
        scope, sequence = sequence_scope(event.source), event.sequence
        if not redriven and self._seen(event.subject, scope, sequence=sequence, event_id=str(event.id)):
            return REPEATED
        applied = self._stepped(record, self._derivation.on_record, at_append=False)
        if applied.problems or redriven:
            return applied
        if sequence is None:
            recent: Recent = self._part(_IDS) or Recent()
            self._put(_IDS, Recent((*recent.ids, str(event.id))[-MOST_RECENT:]))
        else:
            ledger = self._ledger(event.subject)
            scopes = {**ledger.scopes, scope: sequence}
            self._put((LEDGER, event.subject), replace(ledger, scopes=scopes))
        return applied

    def _seen(self, subject: str, scope: str, *, sequence: int | None, event_id: str) -> bool:
        if sequence is None:
            return event_id in (self._part(_IDS) or Recent()).ids
        return sequence <= self._ledger(subject).scopes.get(scope, 0)

    def _stepped(
        self, record: Record[AnyRead], step: Callable[[Parts, Moment[P]], FleetStep], *, at_append: bool
    ) -> Applied:
        moment = self._standing.moment(record, at_append=at_append)
        sent: dict[str, int] = {}
        try:
            taken = step(self._parts, moment)
            outputs = tuple(self._enveloped(told, sent, moment) for told in taken.outputs)
        except Exception as error:  # noqa: BLE001 - the boundary of a core: its failure is a value, with its place
            return Applied(problems=(Problem("core_failed", failure_place(error), record.event.subject),))
        self._take(taken.changes)
        for subject, number in sent.items():
            self._put((LEDGER, subject), replace(self._ledger(subject), sent=number))
        if not outputs and not taken.notes:
            return NOTHING
        return Applied(outputs=outputs, notes=taken.notes)

    def _enveloped(self, told: Told, sent: dict[str, int], moment: Moment[P]) -> Derived:
        subject = told.subject
        number = sent[subject] = sent.get(subject, self._ledger(subject).sent) + 1
        return enveloped(told.output, subject, sequence=number, moment=moment)

    def _take(self, changes: Mapping[Key, Any]) -> None:
        for key, part in changes.items():
            self._put(key, part)

    def _put(self, key: Key, part: Any) -> None:
        kind, name = key
        if key not in self._touched:
            self._touched[key] = self._part(key)
        if part is None:
            self._parts[kind].pop(name, None)
        else:
            self._parts[kind][name] = part

    def _part(self, key: Key) -> Any:
        return self._parts[key[0]].get(key[1])

    def _ledger(self, subject: str) -> Ledger:
        found: Ledger | None = self._parts[LEDGER].get(subject)
        return found or Ledger()
