"""What was derived again against what lies in the topic, by id and content. Pure.

Contents are kept as digests: some 200 bytes an event, whatever its size.
"""

from dataclasses import dataclass, field
from hashlib import blake2b
from uuid import UUID

import orjson

MOST_NAMED = 10
"""As many differences of one derivation are named; all are counted."""

Digest = bytes


def digest(value: bytes) -> Digest:
    """Of an event's content: the order of its fields does not matter."""
    return blake2b(orjson.dumps(orjson.loads(value), option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Lying:
    """An event as it lies in the topic."""

    digest: Digest
    place: str


@dataclass(slots=True)
class Comparison:
    """Two sets of events, compared once both are whole."""

    derived: dict[UUID, tuple[Digest, str]] = field(default_factory=dict)
    """By id: content, and what it follows from, in words."""
    found: dict[UUID, Lying] = field(default_factory=dict)
    early: set[UUID] = field(default_factory=set)
    """Found before the inputs were read: what they followed from must have been there."""
    twofold: list[str] = field(default_factory=list)

    def derive(self, id_: UUID, value: bytes, why: str) -> None:
        """Add an event that follows again."""
        self.derived[id_] = (digest(value), why)

    def find(self, id_: UUID, value: bytes, place: str, *, early: bool) -> None:
        """Add an event of the topic; the same one sent twice is one, unless the two differ."""
        content = digest(value)
        there = self.found.setdefault(id_, Lying(content, place))
        if there.digest != content:
            self.twofold.append(f"{id_} lies in two versions at {there.place} and {place}")
        if early:
            self.early.add(id_)

    def missing(self) -> list[UUID]:
        """Derived again, and not in the topic (yet)."""
        return [id_ for id_ in self.derived if id_ not in self.found]

    def differences(self) -> list[str]:
        """Sentences, one a difference."""
        return [
            *self.twofold,
            *(f"{id_} follows from {self.derived[id_][1]} and is not in the topic" for id_ in self.missing()),
            *(
                f"{id_} lies at {self.found[id_].place} and does not follow again"
                for id_ in self.found
                if id_ in self.early and id_ not in self.derived
            ),
            *(
                f"{id_} at {self.found[id_].place} has another content than what follows from {why}"
                for id_, (content, why) in self.derived.items()
                if id_ in self.found and self.found[id_].digest != content
            ),
        ]
