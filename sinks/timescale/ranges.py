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
    def count(self) -> int:
        """How many numbers are in the set."""
        return sum(end - start for start, end in self.spans)

    def with_number(self, number: int) -> "Ranges":
        """The set and one more number; the next after the highest is the quick case."""
        spans = self.spans
        if spans and spans[-1][1] == number:
            return Ranges((*spans[:-1], (spans[-1][0], number + 1)))
        if number in self:
            return self
        at = bisect_right(spans, number, key=lambda span: span[0])
        start, end = number, number + 1
        before, after = spans[:at], spans[at:]
        if before and before[-1][1] == start:
            start, before = before[-1][0], before[:-1]
        if after and after[0][0] == end:
            end, after = after[0][1], after[1:]
        return Ranges((*before, (start, end), *after))

    def with_numbers(self, numbers: Iterable[int]) -> "Ranges":
        """The set and more numbers."""
        found = self
        for number in numbers:
            found = found.with_number(number)
        return found

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
