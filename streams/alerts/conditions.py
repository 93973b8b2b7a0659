"""Conditions of rules, one model a kind: what holds, and from when on it no longer does.

A condition says of a value whether it `holds` and whether it has `cleared`; between the two, a firing alert goes on.
The value is the last sample, or with `of` what `streams.alerts.reductions` makes of a window.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from streams.alerts.lengths import Length
from streams.alerts.reductions import AnyReduction
from streams.alerts.selectors import Regex

Level = Annotated[float, Field(allow_inf_nan=False)]


class Condition(BaseModel):
    """A kind of condition."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Above(Condition):
    """Holds above a level; has cleared at or below `clear` (the same level by default)."""

    kind: Literal["above"]
    level: Level
    clear: Level | None = None
    of: AnyReduction | None = None

    @model_validator(mode="after")
    def _clears_below(self) -> Self:
        if self.clear is not None and self.clear > self.level:
            raise ValueError(f"clear ({self.clear:g}) must not be above the level ({self.level:g})")
        return self

    def holds(self, value: float) -> bool:
        """Whether the value is above the level."""
        return value > self.level

    def cleared(self, value: float) -> bool:
        """Whether the value is back at or below the clear level."""
        return value <= (self.level if self.clear is None else self.clear)

    def threshold(self, value: float) -> float:
        """The level that a value broke."""
        del value
        return self.level


class Below(Condition):
    """Holds below a level; has cleared at or above `clear` (the same level by default)."""

    kind: Literal["below"]
    level: Level
    clear: Level | None = None
    of: AnyReduction | None = None

    @model_validator(mode="after")
    def _clears_above(self) -> Self:
        if self.clear is not None and self.clear < self.level:
            raise ValueError(f"clear ({self.clear:g}) must not be below the level ({self.level:g})")
        return self

    def holds(self, value: float) -> bool:
        """Whether the value is below the level."""
        return value < self.level

    def cleared(self, value: float) -> bool:
        """Whether the value is back at or above the clear level."""
        return value >= (self.level if self.clear is None else self.clear)

    def threshold(self, value: float) -> float:
        """The level that a value broke."""
        del value
        return self.level


class Outside(Condition):
    """Holds outside of `low` to `high`; has cleared inside of `clear_low` to `clear_high` (the same by default)."""

    kind: Literal["outside"]
    low: Level
    high: Level
    clear_low: Level | None = None
    clear_high: Level | None = None
    of: AnyReduction | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        low, high = self._clear_range()
        if not self.low <= low <= high <= self.high:
            raise ValueError("the levels must be in the order low, clear_low, clear_high, high")
        return self

    def _clear_range(self) -> tuple[float, float]:
        low = self.low if self.clear_low is None else self.clear_low
        return low, self.high if self.clear_high is None else self.clear_high

    def holds(self, value: float) -> bool:
        """Whether the value is outside of the range."""
        return not self.low <= value <= self.high

    def cleared(self, value: float) -> bool:
        """Whether the value is back inside."""
        low, high = self._clear_range()
        return low <= value <= high

    def threshold(self, value: float) -> float:
        """The level that a value broke."""
        return self.low if value < self.low else self.high


Tolerance = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Deviates(Condition):
    """Holds while the value is further from its accepted baseline than the tolerance; silent without a baseline.

    The tolerance is `by` (in the unit of the value) or `by_ratio` of the baseline's amount, the larger of both. It has
    cleared within `clear_by` or `clear_by_ratio` (the same by default). `infrastructor baseline accept` accepts one.
    """

    kind: Literal["deviates"]
    by: Tolerance = 0.0
    by_ratio: Tolerance = 0.0
    clear_by: Tolerance | None = None
    clear_by_ratio: Tolerance | None = None
    way: Literal["above", "below", "both"] = "both"
    of: AnyReduction | None = None

    @model_validator(mode="after")
    def _tolerates(self) -> Self:
        if not self.by and not self.by_ratio:
            raise ValueError("`by` or `by_ratio` must say how far from the baseline is too far")
        clear_by, clear_by_ratio = self._clear()
        if clear_by > self.by or clear_by_ratio > self.by_ratio:
            raise ValueError("it must clear nearer to the baseline than it holds")
        return self

    def _clear(self) -> tuple[float, float]:
        by = self.by if self.clear_by is None else self.clear_by
        return by, self.by_ratio if self.clear_by_ratio is None else self.clear_by_ratio

    def around(self, baseline: float) -> "Around":
        """The condition with its baseline known."""
        clear_by, clear_by_ratio = self._clear()
        far, near = max(self.by, self.by_ratio * abs(baseline)), max(clear_by, clear_by_ratio * abs(baseline))
        below, above = self.way != "above", self.way != "below"
        return Around(
            low=baseline - far if below else -math.inf,
            clear_low=baseline - near if below else -math.inf,
            clear_high=baseline + near if above else math.inf,
            high=baseline + far if above else math.inf,
            of=self.of,
        )


@dataclass(frozen=True, slots=True)
class Around:
    """A deviation from a baseline that is known: a range to be outside of, and one to be back inside."""

    low: float
    clear_low: float
    clear_high: float
    high: float
    of: AnyReduction | None = None

    def holds(self, value: float) -> bool:
        """Whether the value is outside of the range."""
        return not self.low <= value <= self.high

    def cleared(self, value: float) -> bool:
        """Whether the value is back inside."""
        return self.clear_low <= value <= self.clear_high

    def threshold(self, value: float) -> float | None:
        """The level that a value broke; None where there is none on the side that it is on."""
        level = self.low if value < self.low else self.high
        return level if math.isfinite(level) else None


class Absent(Condition):
    """Holds when a device's matching series, seen before, have not been seen for a time, counted in liveness.

    After `give_up_after` the alert is resolved as `no_data` and the series forgotten: the device was retired, or what
    was watched is gone for good. A derivation of metrics cannot see which.
    """

    kind: Literal["absent"]
    after: Length
    give_up_after: Length = timedelta(days=7)


class StatusIs(Condition):
    """Holds from an event whose fields match `when` (all of them) on.

    It has cleared with an event of the same entity that matches `clear`, by default any that does not match `when`. Of
    what happens in a moment nothing says that it is over: with `lasts` it is, once nothing matched `when` for so long.
    """

    kind: Literal["status"]
    when: Annotated[dict[str, Regex], Field(min_length=1, max_length=8)]
    clear: Annotated[dict[str, Regex], Field(min_length=1, max_length=8)] | None = None
    lasts: Length | None = None


Threshold = Above | Below | Outside
"""A condition on a value that knows its levels."""

Levels = Above | Below | Outside | Around
"""What judges a value."""

AnyLeaf = Above | Below | Outside | Deviates | Absent | StatusIs
"""Every condition that is no combination."""
