"""The entries of a changelog that count: of each key the last one of whoever had the partition last.

The last entry alone does not say it. What a worker sent before it was stopped, or while its network was away, may be
appended long after another took over and wrote newer states (seen); Kafka fences nobody here. It would set back a
device whose partition is not set back, and what lies in between would be missed. So each entry says in a header in
which term of its partition it was written, each owner's term is above those before it, and an entry that comes after
one of a higher term counts for nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from schemas.headers import Header, header
from schemas.record import RawRecord

TERM: Final = "term"
"""The name of the header: `<number>.<generation>`."""


class Term(NamedTuple):
    """An ownership of a partition: one above what its owner found, and the generation of the group it belongs to.

    Of two owners that found the same, the later one has the higher generation.
    """

    number: int = 0
    generation: int = 0

    def after(self, generation: int) -> "Term":
        """The term of an owner that found this one."""
        return Term(self.number + 1, generation)

    def headers(self) -> tuple[Header, ...]:
        """What its entries carry."""
        return ((TERM, f"{self.number}.{self.generation}".encode()),)


FIRST: Final = Term()
"""Of entries that name none, and of a partition that has none."""


def term_of(headers: Iterable[Header]) -> Term:
    """The term of an entry."""
    value = header(headers, TERM)
    if value is None:
        return FIRST
    number, _, generation = value.partition(b".")
    return Term(int(number), int(generation))


class Precedence:
    """Decides entry by entry, in the order of one partition of a changelog, which count.

    `overwritten` are the keys whose last entry does not: to be written once more, for compaction keeps the last.
    """

    def __init__(self) -> None:
        self.term = FIRST
        self.overwritten: set[bytes] = set()

    def takes(self, key: bytes, headers: Sequence[Header]) -> bool:
        """Whether the next entry counts."""
        term = term_of(headers)
        if term < self.term:
            self.overwritten.add(key)
            return False
        self.term = term
        self.overwritten.discard(key)
        return True


class Entries:
    """What a changelog holds; fed in the order of each partition."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.partitions: dict[int, Precedence] = defaultdict(Precedence)

    def take(self, raw: RawRecord) -> None:
        """Take in one entry; one without a value deletes its key."""
        if raw.key is None or not self.partitions[raw.partition].takes(raw.key, raw.headers):
            return
        if raw.value:
            self.values[raw.key] = raw.value
        else:
            self.values.pop(raw.key, None)
