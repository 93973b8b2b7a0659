"""Sets of whole numbers as ranges, as PostgreSQL's multiranges hold them."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

_RANGE = re.compile(r"\[(-?\d+),(-?\d+)\)")


@dataclass(frozen=True, slots=True)
class Ranges:
    """A set of numbers; `spans` are (first, after the last), sorted, apart by at least one number."""

    spans: tuple[tuple[int, int], ...] = ()

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self.spans, number, key=lambda span: span[0])
        return at > 0 and number < self.spans[at - 1][1]

    def __bool__(self) -> bool:
        return bool(self.spans)

    @property
    def end(self) -> int:
        """The number after the highest; 1 when the set is empty."""
        return self.spans[-1][1] if self.spans else 1

    @property
    def count(self) -> int:
        """How many numbers are in the set."""
        return sum(end - start for start, end in self.spans)

    def with_numbers(self, numbers: Iterable[int]) -> "Ranges":
        """The set and more numbers; those that follow one another are added at once."""
        found, start, end = self, 0, 0
        for number in numbers:
            if number == end:
                end += 1
                continue
            found = found.with_span(start, end)
            start, end = number, number + 1
        return found.with_span(start, end)

    def with_span(self, start: int, end: int) -> "Ranges":
        """The set and the numbers from `start` to before `end`; to go on at the highest is the quick case."""
        if start >= end:
            return self
        spans = self.spans
        if spans and spans[-1][1] == start:
            return Ranges((*spans[:-1], (spans[-1][0], end)))
        before = tuple(span for span in spans if span[1] < start)
        after = tuple(span for span in spans if span[0] > end)
        touched = spans[len(before) : len(spans) - len(after)]
        if touched:
            start, end = min(start, touched[0][0]), max(end, touched[-1][1])
        return Ranges((*before, (start, end), *after))

    def without(self, number: int) -> "Ranges":
        """The set less one number."""
        if number not in self:
            return self
        at = bisect_right(self.spans, number, key=lambda span: span[0]) - 1
        start, end = self.spans[at]
        left = ((start, number),) if start < number else ()
        right = ((number + 1, end),) if number + 1 < end else ()
        return Ranges((*self.spans[:at], *left, *right, *self.spans[at + 1 :]))

    def __str__(self) -> str:
        """The multirange's text, `{[1,5),[7,9)}`."""
        return "{" + ",".join(f"[{start},{end})" for start, end in self.spans) + "}"


def parse_ranges(text: str) -> Ranges:
    """A multirange in the canonical text that PostgreSQL gives for whole numbers."""
    return Ranges(tuple((int(start), int(end)) for start, end in _RANGE.findall(text)))
