"""What a condition may look at instead of the last value: `of: {take: average, window: 10m}`.

One model a kind. A reduction says how two samples of one slot of its window become one (`merged`), which number a
window is (`taken`), and says nothing (None) until samples span half of the window: a minute is no trend of a day.
"""

import math
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from streams.alerts.lengths import Length, milliseconds
from streams.alerts.windows import Entry, Window


class Reduction(BaseModel):
    """A window as one number."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window: Length

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.window_ms < 1000:
            raise ValueError("a window has at least 1s")
        return self

    @property
    def window_ms(self) -> int:
        """The window in ms of event time."""
        return milliseconds(self.window)

    def counts(self, value: float) -> int:
        """How many samples a value stands for."""
        del value
        return 1

    def merged(self, first: Entry, second: Entry) -> Entry:
        """Two samples of one slot as one: the later one, if the kind does not know better."""
        return (second[0], second[1], first[2] + second[2])

    def number(self, samples: tuple[Entry, ...]) -> float:
        """The number that a window of samples is."""
        raise NotImplementedError

    def taken(self, window: Window) -> float | None:
        """The number that a window is; None while too little is known, or when it is beyond all numbers."""
        samples = window.samples
        if 2 * (samples[-1][0] - samples[0][0]) < self.window_ms:
            return None
        found = self.number(samples)
        return found if math.isfinite(found) else None


class Average(Reduction):
    """The mean of the samples."""

    take: Literal["average"]

    def merged(self, first: Entry, second: Entry) -> Entry:
        """The mean of both, weighted by how many samples they stand for."""
        count = first[2] + second[2]
        mean = first[1] + (second[1] - first[1]) * (second[2] / count)
        # Of numbers near the largest there are, the difference is none.
        return (second[0], mean if math.isfinite(mean) else second[1], count)

    def number(self, samples: tuple[Entry, ...]) -> float:
        """Of all samples, not of the slots."""
        return sum(value * count for _, value, count in samples) / sum(count for _, _, count in samples)


class Minimum(Reduction):
    """The least of the samples."""

    take: Literal["minimum"]

    def merged(self, first: Entry, second: Entry) -> Entry:
        """The lesser."""
        return (second[0], min(first[1], second[1]), first[2] + second[2])

    def number(self, samples: tuple[Entry, ...]) -> float:
        """The least."""
        return min(value for _, value, _ in samples)


class Maximum(Reduction):
    """The greatest of the samples."""

    take: Literal["maximum"]

    def merged(self, first: Entry, second: Entry) -> Entry:
        """The greater."""
        return (second[0], max(first[1], second[1]), first[2] + second[2])

    def number(self, samples: tuple[Entry, ...]) -> float:
        """The greatest."""
        return max(value for _, value, _ in samples)


class Quantile(Reduction):
    """A quantile of the samples, between two of them by proportion (method 7 of Hyndman and Fan).

    Where a slot has more than one sample, its last one stands for it.
    """

    take: Literal["quantile"]
    quantile: Annotated[float, Field(ge=0, le=1)]

    def number(self, samples: tuple[Entry, ...]) -> float:
        """The quantile."""
        values = sorted(value for _, value, _ in samples)
        place = self.quantile * (len(values) - 1)
        low = math.floor(place)
        high = min(low + 1, len(values) - 1)
        return values[low] + (values[high] - values[low]) * (place - low)


class Count(Reduction):
    """How many samples there are; with `above` or `below`, how many of them lie beyond."""

    take: Literal["count"]
    above: Annotated[float, Field(allow_inf_nan=False)] | None = None
    below: Annotated[float, Field(allow_inf_nan=False)] | None = None

    def counts(self, value: float) -> int:
        """One, if the value is to be counted."""
        return int((self.above is None or value > self.above) and (self.below is None or value < self.below))

    def number(self, samples: tuple[Entry, ...]) -> float:
        """How many."""
        return float(sum(count for _, _, count in samples))


class Change(Reduction):
    """The last sample less the first: of what goes up and down."""

    take: Literal["change"]

    def number(self, samples: tuple[Entry, ...]) -> float:
        """How far it went; falling is negative."""
        return samples[-1][1] - samples[0][1]


def risen(samples: tuple[Entry, ...]) -> float:
    """By how much a counter rose; where it fell, it began anew at 0."""
    total, before = 0.0, samples[0][1]
    for _, value, _ in samples:
        total += value - before if value >= before else value
        before = value
    return total


class Increase(Reduction):
    """By how much a counter rose; where it fell, it began anew at 0."""

    take: Literal["increase"]

    def number(self, samples: tuple[Entry, ...]) -> float:
        """The sum of what it rose."""
        return risen(samples)


class Rate(Reduction):
    """By how much a counter rises a second."""

    take: Literal["rate"]

    def number(self, samples: tuple[Entry, ...]) -> float:
        """Its increase by the seconds that it took."""
        return risen(samples) / ((samples[-1][0] - samples[0][0]) / 1000)


class Predicted(Reduction):
    """The value that a straight line through the samples (least squares) has `ahead` of the last one."""

    take: Literal["predicted"]
    ahead: Length

    def number(self, samples: tuple[Entry, ...]) -> float:
        """The value to come."""
        newest = samples[-1][0]
        times = [(at - newest) / 1000 for at, _, _ in samples]
        middle = sum(times) / len(times)
        mean = sum(value for _, value, _ in samples) / len(samples)
        spread = sum((at - middle) ** 2 for at in times)
        slope = sum((at - middle) * (one[1] - mean) for at, one in zip(times, samples, strict=True)) / spread
        return mean + slope * (self.ahead.total_seconds() - middle)


AnyReduction = Annotated[
    Average | Minimum | Maximum | Quantile | Count | Change | Increase | Rate | Predicted, Field(discriminator="take")
]
