"""What a derivation is that must see all subjects at once: a pure core over a state in parts.

Beside `streams.derivation`: there each device has a state of its own, here the partition has one, in parts by kind
and name, so that a batch stores only what changed. `streams.fleet_fold` does all that such cores have in common.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic

from schemas.rules import RulesKind
from streams.derivation import Derivation, Moment, Output, P

Parts = Mapping[str, Mapping[str, Any]]
"""The state: by kind, by name, a frozen dataclass. Every kind is there, if empty."""

Key = tuple[str, str]
"""Kind and name of a part."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event to be, and the subject that it is about."""

    subject: str
    output: Output


@dataclass(frozen=True, slots=True)
class FleetStep:
    """The parts that a record changed (None: the part is gone), what follows, and things to count."""

    changes: Mapping[Key, Any] = field(default_factory=dict)
    outputs: tuple[Told, ...] = ()
    notes: tuple[str, ...] = ()


class FleetDerivation(ABC, Generic[P]):
    """A partition-wide core and where it stands; the names mean what they mean in `Derivation`.

    A step never changes the parts that it is given. Implementations may keep a memo whose content changes no result.
    """

    name: str
    table: str
    source: str
    reads: str
    writes: str
    rules_kind: RulesKind
    part_types: Mapping[str, type[Any]]
    """By kind, the frozen dataclass of its parts: stored as JSON, read back by its annotations."""

    @abstractmethod
    def read_policy(self, document: Mapping[str, Any] | None, digest: str) -> P:
        """The policy in the document of a `rules.loaded`, or without one. Raises ValueError."""

    @abstractmethod
    def on_record(self, parts: Parts, at: Moment[P]) -> FleetStep:
        """Fold one record."""

    @abstractmethod
    def on_tick(self, parts: Parts, at: Moment[P]) -> FleetStep:
        """Time went on."""

    @abstractmethod
    def on_rules(self, parts: Parts, at: Moment[P]) -> FleetStep:
        """The policy was replaced."""


AnyDerivation = Derivation[Any, Any] | FleetDerivation[Any]
"""A derivation of either sort; `streams.folds.fold_of` makes its fold."""
