"""Conditions over several selections of one device: `and`, `or`, `unless`.

A part holds while any of its series does. `by` names labels: there is one alert for each of their values, and a part
whose series have none of them counts for every one; without `by` there is one alert a device.
"""

from collections.abc import Iterator, Set
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.fields import LabelName
from streams.alerts.conditions import Above, Absent, AnyLeaf, Below, Deviates, Outside, StatusIs
from streams.alerts.selectors import Model, Selector, known_values

MOST_PARTS = 8
"""How many conditions a combination has at most, those of its combinations included."""


class Combination(Model):
    """`and`: all parts hold. `or`: one does. `unless`: the first does, and none of the others."""

    kind: Literal["and", "or", "unless"]
    by: tuple[LabelName, ...] = ()
    parts: Annotated[tuple["Part", ...], Field(min_length=2, max_length=MOST_PARTS)]

    def holds(self, held: Set[int], first: int = 0) -> bool:
        """Whether it holds while the leaves with these numbers do; `first` is the number of its own first leaf."""
        found = []
        for part in self.parts:
            if isinstance(part.condition, Combination):
                found.append(part.condition.holds(held, first))
                first += sum(1 for _ in part.condition.leaves())
            else:
                found.append(first in held)
                first += 1
        match self.kind:
            case "and":
                return all(found)
            case "or":
                return any(found)
            case "unless":
                return found[0] and not any(found[1:])

    def leaves(self) -> Iterator[tuple[Selector, Above | Below | Outside | Deviates | StatusIs]]:
        """Its conditions that are no combinations, in order; their place is their number."""
        for part in self.parts:
            if isinstance(part.condition, Combination):
                yield from part.condition.leaves()
            elif part.select is not None:
                yield part.select, part.condition

    @model_validator(mode="after")
    def _of_one_topic(self) -> Self:
        topics = {select.reads for select, _ in self.leaves()}
        if len(topics) > 1:
            raise ValueError("all parts must be about metrics, or all about status: one derivation reads one topic")
        if sum(1 for _ in self.leaves()) > MOST_PARTS:
            raise ValueError(f"a combination has at most {MOST_PARTS} conditions")
        return self


class Part(Model):
    """A condition with its own selection, or a combination."""

    select: Selector | None = None
    condition: Annotated[Above | Below | Outside | Deviates | StatusIs | Combination, Field(discriminator="kind")]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_selection(self.select, self.condition)
        if isinstance(self.condition, Combination) and self.condition.by:
            raise ValueError("`by` belongs to the outermost combination")
        if isinstance(self.condition, StatusIs) and self.condition.lasts is not None:
            raise ValueError("`lasts` is not for parts of a combination")
        return self


Combination.model_rebuild()
AnyCondition = Annotated[
    Above | Below | Outside | Deviates | Absent | StatusIs | Combination, Field(discriminator="kind")
]


def check_selection(select: Selector | None, condition: AnyLeaf | Combination) -> None:
    """See that a condition has the selection that it needs. Raises ValueError."""
    if isinstance(condition, Combination):
        if select is not None:
            raise ValueError("the parts of a combination select, the whole does not")
        return
    if select is None:
        raise ValueError("`select` is missing")
    if not isinstance(condition, StatusIs):
        if select.metric is None:
            raise ValueError(f"a condition of the kind {condition.kind} is about a metric, events have kind: status")
        return
    if select.event is None:
        raise ValueError("a condition of the kind status is about an event")
    for field in (*condition.when, *(condition.clear or ())):
        known_values(select.event, field)
