"""The fold of one partition: what all derivations have in common, used by the worker and by replay alike.

It holds the partition's own state and the states of its devices, takes records in the order of the log and returns
what follows. What was applied is skipped, so a partition may be folded again from any earlier place and gives the same:
- a device's step reads the partition as of that record; the partition never depends on devices;
- a state knows the offset it stands at, and by source epoch the last sequence that it has applied;
- what is derived has ids, sequences and times that depend on the cause and the device's state alone.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic

from pydantic import TypeAdapter

from schemas.identity import sequence_scope
from schemas.record import AnyRead, Record
from streams.applied import NOTHING, REPEATED, Applied, Derived, Problem
from streams.derivation import Derivation, Moment, P, S, Step
from streams.standing import OnStanding, Standing, enveloped, failure_place
from streams.stored import Changes, StoredDevice, device_key, encode_device, owned_by

MOST_SCOPES = 8
"""How many source epochs a device remembers, the most recent ones."""


class _Device(Generic[S]):
    """A device's state while its partition is owned; replaced field by field once a step has succeeded."""

    __slots__ = ("core", "dirty", "offset", "scopes", "sent")

    def __init__(self, core: S, *, offset: int = -1, scopes: dict[str, int] | None = None, sent: int = 0) -> None:
        self.core = core
        self.offset = offset
        self.scopes = scopes if scopes is not None else {}
        self.sent = sent
        self.dirty = False

    def saw(self, scope: str, sequence: int) -> None:
        """Remember the sequence of a scope, the most recently seen last; forget the oldest above the limit."""
        scopes = self.scopes
        scopes.pop(scope, None)
        scopes[scope] = sequence
        if len(scopes) > MOST_SCOPES:
            del scopes[next(iter(scopes))]


class PartitionFold(OnStanding[P], Generic[S, P]):
    """One derivation on one partition. `apply` in the order of offsets; `changes` for what must be stored."""

    def __init__(self, derivation: Derivation[S, P], partition: int) -> None:
        super().__init__(Standing(derivation, partition), derivation.name)
        self._derivation = derivation
        self._devices: dict[str, _Device[S]] = {}
        self._order: list[str] | None = None

    @property
    def devices(self) -> dict[str, S]:
        """The cores' states by device."""
        return {name: device.core for name, device in self._devices.items()}

    def load(self, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Start from stored states; entries of other partitions are passed over. Raises StateUnreadable."""
        loaded = owned_by(self.partition, entries)
        adapter: TypeAdapter[S] = TypeAdapter(self._derivation.state_type)
        self._devices = {
            name: _Device(
                adapter.validate_python(stored.core), offset=stored.offset, scopes=stored.scopes, sent=stored.sent
            )
            for name, stored in loaded.devices.items()
        }
        self._order = None
        self._standing.load(loaded.partition, loaded)

    def continue_after(self, sent: Mapping[str, int]) -> None:
        """Number what is derived from here on after these numbers, by device; one that is not known gets a state."""
        for name, number in sent.items():
            if name not in self._devices:
                self._devices[name] = _Device(self._derivation.initial())
                self._order = None
            device = self._devices[name]
            if device.sent != number:
                device.sent, device.dirty = number, True

    def changes(self) -> Changes | None:
        """What changed since the last call, encoded; None when no record was applied."""
        standing = self._standing
        if standing.offset == standing.stored_offset:
            return None
        states = standing.documents()
        for name, device in self._devices.items():
            if device.dirty:
                device.dirty = False
                stored = StoredDevice(device.offset, device.scopes, device.sent, device.core)
                states.append((device_key(self.partition, name), encode_device(stored)))
        own, forgotten = standing.store()
        return Changes(tuple(states), own, forgotten)

    def _ticked(self, record: Record[AnyRead]) -> Applied:
        return self._visit(record, self._derivation.on_tick)

    def _ruled(self, record: Record[AnyRead]) -> Applied:
        return self._visit(record, self._derivation.on_rules)

    def _event(self, record: Record[AnyRead]) -> Applied:
        event = record.event
        device = self._devices.get(event.subject)
        if device is None:
            device = _Device(self._derivation.initial())
        elif record.offset <= device.offset:
            return REPEATED
        sequence = event.sequence if record.redrive_for is None else None
        scope = sequence_scope(event.source)
        if sequence is not None and sequence <= device.scopes.get(scope, 0):
            return REPEATED
        moment = self._standing.moment(record, at_append=False)
        applied = self._stepped(device, event.subject, moment=moment, step=self._derivation.on_record)
        if applied.problems:
            return applied
        if sequence is not None:
            device.saw(scope, sequence)
        device.offset = record.offset
        device.dirty = True
        if event.subject not in self._devices:
            self._devices[event.subject] = device
            self._order = None
        return applied

    def _visit(self, record: Record[AnyRead], step: Callable[[S, str, Moment[P]], Step[S]]) -> Applied:
        """Let every device of the partition take a step, in the order of their names."""
        if self._order is None:
            self._order = sorted(self._devices)
        moment = self._standing.moment(record, at_append=True)
        outputs: list[Derived] = []
        problems: list[Problem] = []
        notes: list[str] = []
        for name in self._order:
            device = self._devices[name]
            if record.offset <= device.offset:
                continue
            before = device.core
            applied = self._stepped(device, name, moment=moment, step=step)
            # The same state: not written, so that a tick costs nothing where nothing happened.
            device.offset = record.offset
            if device.core is not before or applied.outputs:
                device.dirty = True
            outputs += applied.outputs
            problems += applied.problems
            notes += applied.notes
        return Applied(tuple(outputs), tuple(problems), tuple(notes))

    def _stepped(
        self, device: _Device[S], name: str, *, moment: Moment[P], step: Callable[[S, str, Moment[P]], Step[S]]
    ) -> Applied:
        try:
            taken = step(device.core, name, moment)
            outputs = tuple(
                enveloped(output, name, sequence=device.sent + 1 + index, moment=moment)
                for index, output in enumerate(taken.outputs)
            )
        except Exception as error:  # noqa: BLE001 - the boundary of a core: its failure is a value, with its place
            return Applied(problems=(Problem("core_failed", failure_place(error), name),))
        device.core = taken.state
        device.sent += len(outputs)
        if not outputs and not taken.notes:
            return NOTHING
        return Applied(outputs=outputs, notes=taken.notes)
