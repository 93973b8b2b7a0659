"""Where a partition stands: what all folds have in common. Offset, liveness clock, rules in force, envelopes."""

import traceback
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, Generic, Protocol

from schemas.clock import ClockTicked
from schemas.record import AnyRead, Record
from schemas.rules import RulesKind, RulesLoaded
from streams.applied import NOTHING, REPEATED, Applied, Derived, Problem
from streams.derivation import Moment, Output, P, P_co, instant
from streams.documents import InForce, judge
from streams.liveness import Liveness
from streams.stored import (
    PartitionState,
    StateUnreadable,
    StoredDocuments,
    encode_partition,
    encode_rules,
    partition_key,
    rules_key,
)

MOST_DOCUMENTS = 5
"""How many documents of rules are kept a partition."""


class Judged(Protocol[P_co]):
    """What a standing needs of a derivation."""

    @property
    def source(self) -> str:
        """The source of its events."""
        ...

    @property
    def rules_kind(self) -> RulesKind:
        """Which `rules.loaded` concern it."""
        ...

    def read_policy(self, document: Any, digest: str) -> P_co:
        """The policy in a document, or without one. Raises ValueError."""
        ...


class Standing(Generic[P_co]):
    """A partition's own state and the policy that it is judged by; changed by its fold alone."""

    __slots__ = (
        "_derivation",
        "_new_documents",
        "_old_documents",
        "_stored_offset",
        "offset",
        "own",
        "partition",
        "policy",
    )

    def __init__(self, derivation: Judged[P_co], partition: int) -> None:
        self._derivation = derivation
        self.partition = partition
        self.own = PartitionState()
        self.offset = -1
        self.policy = derivation.read_policy(None, "")
        self._stored_offset = -1
        self._new_documents: dict[str, dict[str, Any]] = {}
        self._old_documents: list[str] = []

    def load(self, own: PartitionState, documents: StoredDocuments) -> None:
        """Stand where the stored state stands. Raises StateUnreadable."""
        self.own = own
        self.offset = self._stored_offset = own.offset
        if own.rules is not None:
            self.policy = self._read(documents.document(own.rules.digest), own.rules.digest)

    def _read(self, document: dict[str, Any], digest: str) -> P_co:
        try:
            return self._derivation.read_policy(document, digest)
        except ValueError as error:
            raise StateUnreadable(
                f"the rules in force ({digest[:12]}) are none to this version: {str(error)[:500]}; "
                "run the version that stored them, or `infrastructor streams rebuild`",
                operation="load state",
            ) from error

    @property
    def stored_offset(self) -> int:
        """The offset at which the partition was stored last; -1 before the first time."""
        return self._stored_offset

    def tick(self, record: Record[AnyRead], event: ClockTicked) -> None:
        """Let the liveness clock go on."""
        liveness = self.own.liveness.tick(record.appended_ms, event.data.period_seconds)
        self.own = replace(self.own, liveness=liveness)

    def take_rules(self, event: RulesLoaded) -> Applied | None:
        """Put a document in force; what came of it instead when it is not taken."""
        data = event.data
        if data.kind != self._derivation.rules_kind:
            return NOTHING
        verdict = judge(event, self.own.rules)
        if verdict == "same":
            return NOTHING
        if verdict != "take":
            return Applied(problems=(Problem(f"rules_{verdict}", _why_not(event, self.own.rules)),))
        try:
            policy = self._derivation.read_policy(data.document, data.hash)
        except ValueError as error:
            return Applied(problems=(Problem("rules_invalid", str(error)[:500]),))
        self.policy = policy
        self._keep_document(data.hash, data.document)
        self.own = replace(self.own, rules=InForce(data.revision, data.hash))
        return None

    def moment(self, record: Record[AnyRead], *, at_append: bool) -> Moment[P_co]:
        """The partition as of a record."""
        rules, liveness = self.own.rules, self.own.liveness
        return Moment(
            record=record,
            source=self._derivation.source,
            at=instant(record.appended_ms) if at_append else record.event.time,
            liveness_ms=liveness.clock_ms,
            period_ms=liveness.period_ms,
            policy=self.policy,
            revision=0 if rules is None else rules.revision,
        )

    def documents(self) -> list[tuple[bytes, bytes]]:
        """The documents that must be stored."""
        return [(rules_key(self.partition, digest), encode_rules(doc)) for digest, doc in self._new_documents.items()]

    def store(self) -> tuple[tuple[bytes, bytes], tuple[bytes, ...]]:
        """The partition's own state, and the keys of documents to be forgotten: from now on it counts as stored."""
        forgotten = tuple(rules_key(self.partition, digest) for digest in self._old_documents)
        self._new_documents, self._old_documents = {}, []
        self._stored_offset = self.offset
        own = encode_partition(replace(self.own, offset=self.offset))
        return (partition_key(self.partition), own), forgotten

    def _keep_document(self, digest: str, document: dict[str, Any]) -> None:
        """Store a new document; forget the oldest. Some old ones stay, for a partition state older than this one."""
        kept = (*(one for one in self.own.documents if one != digest), digest)
        self._new_documents[digest] = document
        self._old_documents += kept[:-MOST_DOCUMENTS]
        self.own = replace(self.own, documents=kept[-MOST_DOCUMENTS:])


class OnStanding(ABC, Generic[P]):
    """What all folds have in common: what a record is to the partition, and what they tell of it."""

    def __init__(self, standing: Standing[P], name: str) -> None:
        self._standing = standing
        self._name = name
        self.partition = standing.partition

    def apply(self, record: Record[AnyRead]) -> Applied:
        """Fold one record. What was applied before is skipped; a step that fails leaves what it steps on as it was."""
        standing = self._standing
        if record.offset <= standing.offset:
            return REPEATED
        standing.offset = record.offset
        if record.redrive_for is not None and record.redrive_for != self._name:
            return NOTHING
        event = record.event
        if isinstance(event, ClockTicked):
            standing.tick(record, event)
            return self._ticked(record)
        if isinstance(event, RulesLoaded):
            instead = standing.take_rules(event)
            return self._ruled(record) if instead is None else instead
        return self._event(record)

    @abstractmethod
    def _ticked(self, record: Record[AnyRead]) -> Applied:
        """Time went on in the partition."""

    @abstractmethod
    def _ruled(self, record: Record[AnyRead]) -> Applied:
        """The policy of the partition was replaced."""

    @abstractmethod
    def _event(self, record: Record[AnyRead]) -> Applied:
        """Something happened."""

    @property
    def next_offset(self) -> int:
        """The offset of the first record that is not applied; 0 before the first."""
        return self._standing.offset + 1

    @property
    def rules(self) -> InForce | None:
        """Which rules are in force."""
        return self._standing.own.rules

    @property
    def liveness(self) -> Liveness:
        """The liveness clock."""
        return self._standing.own.liveness

    def pass_over(self, offset: int) -> None:
        """Go past a record that is no event."""
        self._standing.offset = max(self._standing.offset, offset)


def enveloped(output: Output, subject: str, *, sequence: int, moment: Moment[Any]) -> Derived:
    """The event that a core wants, with its envelope."""
    cause = moment.record
    # The models of the events differ in `type` and `data` only; the pair is the core's to match.
    event = output.event.model_validate(
        {
            "id": output.id,
            "type": output.event.TYPE,
            "source": moment.source,
            "subject": subject,
            "time": output.at or moment.at,
            "sequence": sequence,
            "correlationid": cause.event.correlationid,
            "causationid": cause.event.id,
            "data": output.data,
        }
    )
    return Derived(event, cause.appended_ms)


def failure_place(error: Exception) -> str:
    """The type of an error and the line of code that raised it; no values, which may quote hostile input at length."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}: {str(error)[:300]}"


def _why_not(event: RulesLoaded, in_force: InForce | None) -> str:
    revision = in_force.revision if in_force else 0
    match judge(event, in_force):
        case "older":
            return f"revision {event.data.revision} is older than {revision}, which is in force"
        case "clash":
            return f"revision {revision} is in force with another content: raise the revision"
        case _:
            return "the hash is not that of the document"
