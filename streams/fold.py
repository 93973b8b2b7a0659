"""The fold of one partition: what all derivations have in common, used by the worker and by replay alike.

It holds the partition's own state and the states of its devices, takes records in the order of the log and returns
what follows. What was applied is skipped, so a partition may be folded again from any earlier place and gives the same:
- a device's step reads the partition as of that record; the partition never depends on devices;
- a state knows the offset it stands at, and by source epoch the last sequence that it has applied;
- what is derived has ids, sequences and times that depend on the cause and the device's state alone.
"""

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Generic

from pydantic import TypeAdapter

from schemas.clock import ClockTicked
from schemas.envelope import Envelope
from schemas.identity import sequence_scope
from schemas.record import AnyRead, Record
from schemas.rules import RulesLoaded
from streams.derivation import Derivation, Moment, Output, P, S, Step, instant
from streams.documents import InForce, judge
from streams.liveness import Liveness
from streams.stored import (
    Changes,
    PartitionState,
    StoredDevice,
    device_key,
    encode_device,
    encode_partition,
    encode_rules,
    owned_by,
    partition_key,
    rules_key,
)

MOST_SCOPES = 8
"""How many source epochs a device remembers, the most recent ones."""

MOST_DOCUMENTS = 5
"""How many documents of rules are kept a partition."""


@dataclass(frozen=True, slots=True)
class Derived:
    """An event that follows, and the append time of its cause (ms since 1970)."""

    event: Envelope
    cause_appended_ms: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a record could not be applied as a whole: a code, a sentence, the device it concerns."""

    reason: str
    message: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of one record."""

    outputs: tuple[Derived, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


NOTHING = Applied()
REPEATED = Applied(notes=("repeated",))


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


class PartitionFold(Generic[S, P]):
    """One derivation on one partition. `apply` in the order of offsets; `changes` for what must be stored."""

    def __init__(self, derivation: Derivation[S, P], partition: int) -> None:
        self._derivation = derivation
        self.partition = partition
        self._own = PartitionState()
        self._offset = -1
        self._stored_offset = -1
        self._policy = derivation.read_policy(None, "")
        self._devices: dict[str, _Device[S]] = {}
        self._order: list[str] | None = None
        self._new_documents: dict[str, dict[str, Any]] = {}
        self._old_documents: list[str] = []

    @property
    def next_offset(self) -> int:
        """The offset of the first record that is not applied; 0 before the first."""
        return self._offset + 1

    @property
    def rules(self) -> InForce | None:
        """Which rules are in force."""
        return self._own.rules

    @property
    def liveness(self) -> Liveness:
        """The liveness clock."""
        return self._own.liveness

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
        self._own = loaded.partition
        self._offset = self._stored_offset = loaded.partition.offset
        rules = self._own.rules
        if rules is not None:
            self._policy = self._derivation.read_policy(loaded.document(rules.digest), rules.digest)

    def apply(self, record: Record[AnyRead]) -> Applied:
        """Fold one record. What was applied before is skipped; a step that fails leaves its device as it was."""
        if record.offset <= self._offset:
            return REPEATED
        self._offset = record.offset
        if record.redrive_for is not None and record.redrive_for != self._derivation.name:
            return NOTHING
        event = record.event
        if isinstance(event, ClockTicked):
            return self._tick(record, event)
        if isinstance(event, RulesLoaded):
            return self._load_rules(record, event)
        return self._device_record(record)

    def pass_over(self, offset: int) -> None:
        """Go past a record that is no event."""
        self._offset = max(self._offset, offset)

    def changes(self) -> Changes | None:
        """What changed since the last call, encoded; None when no record was applied."""
        if self._offset == self._stored_offset:
            return None
        partition = self.partition
        states = [(rules_key(partition, digest), encode_rules(doc)) for digest, doc in self._new_documents.items()]
        for name, device in self._devices.items():
            if device.dirty:
                device.dirty = False
                stored = StoredDevice(device.offset, device.scopes, device.sent, device.core)
                states.append((device_key(partition, name), encode_device(stored)))
        forgotten = tuple(rules_key(partition, digest) for digest in self._old_documents)
        self._new_documents, self._old_documents = {}, []
        self._stored_offset = self._offset
        own = encode_partition(replace(self._own, offset=self._offset))
        return Changes(tuple(states), (partition_key(partition), own), forgotten)

    def _device_record(self, record: Record[AnyRead]) -> Applied:
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
        moment = self._moment(record, at_append=False)
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

    def _tick(self, record: Record[AnyRead], event: ClockTicked) -> Applied:
        liveness = self._own.liveness.tick(record.appended_ms, event.data.period_seconds)
        self._own = replace(self._own, liveness=liveness)
        return self._visit(record, self._derivation.on_tick)

    def _load_rules(self, record: Record[AnyRead], event: RulesLoaded) -> Applied:
        data = event.data
        if data.kind != self._derivation.rules_kind:
            return NOTHING
        verdict = judge(event, self._own.rules)
        if verdict == "same":
            return NOTHING
        if verdict != "take":
            return Applied(problems=(Problem(f"rules_{verdict}", _why_not(event, self._own.rules)),))
        try:
            policy = self._derivation.read_policy(data.document, data.hash)
        except ValueError as error:
            return Applied(problems=(Problem("rules_invalid", str(error)[:500]),))
        self._policy = policy
        self._keep_document(data.hash, data.document)
        self._own = replace(self._own, rules=InForce(data.revision, data.hash))
        return self._visit(record, self._derivation.on_rules)

    def _keep_document(self, digest: str, document: dict[str, Any]) -> None:
        """Store a new document; forget the oldest. Some old ones stay, for a partition state older than this one."""
        kept = (*(one for one in self._own.documents if one != digest), digest)
        self._new_documents[digest] = document
        self._old_documents += kept[:-MOST_DOCUMENTS]
        self._own = replace(self._own, documents=kept[-MOST_DOCUMENTS:])

    def _visit(self, record: Record[AnyRead], step: Callable[[S, str, Moment[P]], Step[S]]) -> Applied:
        """Let every device of the partition take a step, in the order of their names."""
        if self._order is None:
            self._order = sorted(self._devices)
        moment = self._moment(record, at_append=True)
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
                self._enveloped(output, name, sequence=device.sent + 1 + index, moment=moment)
                for index, output in enumerate(taken.outputs)
            )
        except Exception as error:  # noqa: BLE001 - the boundary of a core: its failure is a value, with its place
            return Applied(problems=(Problem("core_failed", _place(error), name),))
        device.core = taken.state
        device.sent += len(outputs)
        if not outputs and not taken.notes:
            return NOTHING
        return Applied(outputs=outputs, notes=taken.notes)

    def _moment(self, record: Record[AnyRead], *, at_append: bool) -> Moment[P]:
        rules, liveness = self._own.rules, self._own.liveness
        return Moment(
            record=record,
            source=self._derivation.source,
            at=instant(record.appended_ms) if at_append else record.event.time,
            liveness_ms=liveness.clock_ms,
            period_ms=liveness.period_ms,
            policy=self._policy,
            revision=0 if rules is None else rules.revision,
        )

    def _enveloped(self, output: Output, device: str, *, sequence: int, moment: Moment[P]) -> Derived:
        cause = moment.record
        # The models of the events differ in `type` and `data` only; the pair is the core's to match.
        event = output.event.model_validate(
            {
                "id": output.id,
                "type": output.event.TYPE,
                "source": moment.source,
                "subject": device,
                "time": output.at or moment.at,
                "sequence": sequence,
                "correlationid": cause.event.correlationid,
                "causationid": cause.event.id,
                "data": output.data,
            }
        )
        return Derived(event, cause.appended_ms)


def _why_not(event: RulesLoaded, in_force: InForce | None) -> str:
    revision = in_force.revision if in_force else 0
    match judge(event, in_force):
        case "older":
            return f"revision {event.data.revision} is older than {revision}, which is in force"
        case "clash":
            return f"revision {revision} is in force with another content: raise the revision"
        case _:
            return "the hash is not that of the document"


def _place(error: Exception) -> str:
    """The type of an error and the line of code that raised it; no values, which may quote hostile input at length."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}: {str(error)[:300]}"
