"""What a derivation is: a pure core that folds the records of one topic, device by device, into events.

Nothing here reads a clock, logs or waits. A core sees a record, its device's state, and its partition as of that
record (`Moment`); it returns the state after and what follows. `streams.fold` does all that cores have in common.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from schemas.envelope import Envelope
from schemas.fields import Evidence, Part
from schemas.identity import derived_id
from schemas.record import AnyRead, Record
from schemas.rules import RulesKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

S = TypeVar("S")
P = TypeVar("P")
P_co = TypeVar("P_co", covariant=True)


def instant(unix_ms: int) -> datetime:
    """The moment of a time in ms since 1970, exactly."""
    return _EPOCH + timedelta(milliseconds=unix_ms)


@dataclass(frozen=True, slots=True)
class Moment(Generic[P_co]):
    """A record as a cause, and its partition as of that record.

    `liveness_ms` is the partition's liveness clock, `period_ms` the period of its ticks (0 before the first);
    `at` the time that what is derived gets: the event's, of ticks and rules their append time.
    """

    record: Record[AnyRead]
    source: str
    at: datetime
    liveness_ms: int
    period_ms: int
    policy: P_co
    revision: int

    def derive(self, device: str, *what: str) -> UUID:
        """The id of what is derived for a device from this cause; the same each time it is derived again.

        A tick that a producer sent twice is two ticks: causes without a sequence are told apart by their offset.
        """
        event = self.record.event
        place = () if event.sequence is not None else (str(self.record.offset),)
        return derived_id(event.id, self.source, device, *what, *place)

    def evidence(self) -> Evidence:
        """Where the cause stands in the log."""
        record = self.record
        return Evidence(topic=record.topic, partition=record.partition, offset=record.offset, id=record.event.id)


@dataclass(frozen=True, slots=True)
class Output:
    """An event to be: the fold gives it its envelope. `at` replaces the time of the cause."""

    id: UUID
    event: type[Envelope]
    data: Part
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """A device's state after a record (the same object: nothing changed), what follows, and things to count."""

    state: S
    outputs: tuple[Output, ...] = ()
    notes: tuple[str, ...] = ()


class Derivation(Protocol[S, P]):
    """A pure core and where it stands: which topic it reads and writes, and the form of its state and policy.

    Implementations may keep a memo, provided that its content never changes a result.
    """

    @property
    def name(self) -> str:
        """The consumer's name, in dead letters and metrics."""
        ...

    @property
    def table(self) -> str:
        """The name of its table of states, as in topics.yaml."""
        ...

    @property
    def source(self) -> str:
        """The source of its events, `/streams/<derivation>`."""
        ...

    @property
    def reads(self) -> str:
        """The one topic it reads."""
        ...

    @property
    def writes(self) -> str:
        """The topic of its events."""
        ...

    @property
    def rules_kind(self) -> RulesKind:
        """Which `rules.loaded` concern it."""
        ...

    @property
    def state_type(self) -> type[S]:
        """The frozen dataclass of a device's state: stored as JSON, read back by its annotations."""
        ...

    def initial(self) -> S:
        """The state of a device of which nothing is known."""
        ...

    def read_policy(self, document: Mapping[str, Any] | None, digest: str) -> P:
        """The policy in the document of a `rules.loaded` (`digest` is its hash), or without one.

        Raises ValueError.
        """
        ...

    def on_record(self, state: S, device: str, at: Moment[P]) -> Step[S]:
        """Fold one record of the device."""
        ...

    def on_tick(self, state: S, device: str, at: Moment[P]) -> Step[S]:
        """Time went on in the partition."""
        ...

    def on_rules(self, state: S, device: str, at: Moment[P]) -> Step[S]:
        """The policy of the partition was replaced."""
        ...
