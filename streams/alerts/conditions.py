"""Conditions of rules, one model a kind: what holds, and from when on it no longer does.

A condition says of a value whether it `holds` and whether it has `cleared`; between the two, a firing alert goes on.
The value is the last sample, or with `of` what `streams.alerts.reductions` makes of a window.
"""

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
