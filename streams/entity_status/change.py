"""What every family of things compares with: a look beside the one before it, and the changes that it finds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Generic, TypeVar

from schemas.entity import EntityChange
from schemas.envelope import Envelope
from schemas.fields import Evidence, Scalar
from streams.entity_status.policy import EntityPolicy

K = TypeVar("K")
T = TypeVar("T")

Facts = dict[str, Scalar]
Accepted = Mapping[str, Mapping[str, Scalar]]
"""Accepted values, by entity and name."""

TOO_MANY = "too_many_entities"
MOST_TEXT = 1000
MOST_NAME = 255
_LISTED = 5


@dataclass(frozen=True, slots=True)
class Sight:
    """A look in the light of the one before.

    `settled` says that a whole look came before: only then is what was not known new, and not just unseen.
    """

    at: datetime
    before: datetime | None
    settled: bool
    evidence: tuple[Evidence, ...]
    policy: EntityPolicy
    accepted: Accepted = field(default_factory=dict)

    def since(self, stamp: datetime | None) -> datetime:
        """The time that the device gives for a change, if it lies between the two looks; else that of this look."""
        if stamp is None or stamp > self.at or (self.before is not None and stamp <= self.before):
            return self.at
        return stamp


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened; `key` tells it from others of the same look."""

    event: type[Envelope]
    data: EntityChange
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared(Generic[K]):
    """What is known after a look, what happened, and what is worth counting."""

    known: K
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()


def admitted(
    seen: Iterable[tuple[str, T]], known: Mapping[str, K], *, most: int, wrong: Callable[[T], bool]
) -> tuple[list[tuple[str, T]], bool]:
    """The things to compare, each once, and whether those are all.

    Above `most`, known ones stay; of the new ones those that are wrong come first.
    """
    once: dict[str, T] = {}
    for name, thing in seen:
        once.setdefault(name, thing)
    new = [name for name in once if name not in known]
    room = max(0, most - len(known))
    if len(new) <= room:
        return list(once.items()), True
    new.sort(key=lambda name: not wrong(once[name]))
    dropped = set(new[room:])
    return [(name, thing) for name, thing in once.items() if name not in dropped], False


def gone(known: Mapping[str, K], seen: Iterable[str], *, complete: bool) -> list[str]:
    """The names that a complete look lacks; an incomplete one says nothing of what it lacks."""
    return sorted(set(known) - set(seen)) if complete else []


def facts(**values: Scalar | None) -> Facts:
    """Facts that are known; long texts are cut."""
    return {name: shown(value) for name, value in values.items() if value is not None}


def shown(value: Scalar) -> Scalar:
    """A value as an event may carry it."""
    return f"{value[: MOST_TEXT - 1]}…" if isinstance(value, str) and len(value) > MOST_TEXT else value


def differing(before: Facts, after: Facts) -> tuple[Facts, Facts]:
    """Of two sets of facts those that differ."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return (
        {name: before[name] for name in names if name in before},
        {name: after[name] for name in names if name in after},
    )


def entity_name(name: str) -> str:
    """A name as events carry it: at most 255 characters; of a longer one the end, and what tells it from others."""
    if len(name) <= MOST_NAME:
        return name
    return f"{sha256(name.encode()).hexdigest()[:8]}…{name[-(MOST_NAME - 9) :]}"


def listed(names: Sequence[str], most: int = _LISTED) -> str:
    """`a, b and 3 more`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def plural(count: int, one: str, many: str = "") -> str:
    """`1 sector`, `8 sectors`."""
    return f"{count} {one if count == 1 else many or one + 's'}"
