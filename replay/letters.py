"""Dead letters, read from their topic: each once, with whether it was put back; and which of them are wanted."""

from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

import orjson

from replay.log import bounds_of, read_reaches
from replay.plan import Reach
from runtime.kafka.dead_letters import DeadLetter, from_record, noted
from runtime.settings import KafkaSettings
from schemas.headers import REDRIVE_HISTORY, headers_of
from schemas.registry import DEAD_LETTERS

Identity = tuple[str, str, int, int]
"""Consumer, topic, partition and offset."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant; None: any."""

    consumer: str | None = None
    reason: str | None = None
    type: str | None = None
    since_ms: int | None = None

    def wants(self, letter: DeadLetter) -> bool:
        """Whether a letter is one of those."""
        return (
            self.consumer in {None, letter.consumer}
            and self.reason in {None, letter.reason}
            and (self.since_ms is None or letter.failed_at_ms >= self.since_ms)
            and self.type in {None, type_of(letter)}
        )


def type_of(letter: DeadLetter) -> str | None:
    """The type that the original says it is of; None when it says none."""
    try:
        document = orjson.loads(letter.origin.value or b"")
    except orjson.JSONDecodeError:
        return None
    found = document.get("type") if isinstance(document, dict) else None
    return found if isinstance(found, str) else None


@dataclass(frozen=True, slots=True)
class Book:
    """The topic of letters as it was at one moment: how far it reached, and which letters were put back, and when."""

    reaches: tuple[Reach, ...]
    redriven: dict[Identity, int] = field(default_factory=dict)
    times: Counter[Identity] = field(default_factory=Counter)
    """How often each was put back."""

    failed_again: set[Identity] = field(default_factory=set)
    """Those for which a later letter stands: what was put back has failed again."""


async def read_book(settings: KafkaSettings) -> Book:
    """Read all notes. Raises TopicsMissing, KafkaUnavailable, KafkaRefused."""
    bounds = await bounds_of(settings, [DEAD_LETTERS])
    book = Book(tuple(Reach(*place, bound.begin, bound.end) for place, bound in bounds.items()))
    async with aclosing(read_reaches(settings, book.reaches)) as pieces:
        async for piece in pieces:
            for raw in piece.raws:
                note, letter = noted(raw), from_record(raw)
                if note is not None:
                    book.redriven[note[0]] = max(note[1], book.redriven.get(note[0], 0))
                    book.times[note[0]] += 1
                elif letter is not None:
                    book.failed_again.update(before(letter))
    return book


def before(letter: DeadLetter) -> Iterator[Identity]:
    """The letters that were put back and failed again as this one; anybody may write such headers."""
    for value in headers_of(letter.origin.headers, REDRIVE_HISTORY):
        try:
            told = orjson.loads(value)
            place = told["partition"], told["offset"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            continue
        if all(type(number) is int for number in place):
            yield (letter.consumer, letter.origin.topic, *place)


async def read_letters(settings: KafkaSettings, book: Book, wanted: Wanted) -> AsyncGenerator[DeadLetter, None]:
    """The wanted letters up to where the book ends, each once, in the order of the log.

    A consumer puts aside in the order it reads, so letters of one partition come in the order of their originals.
    """
    seen: set[Identity] = set()
    async with aclosing(read_reaches(settings, book.reaches)) as pieces:
        async for piece in pieces:
            for raw in piece.raws:
                letter = from_record(raw)
                if letter is None or letter.identity in seen or not wanted.wants(letter):
                    continue
                seen.add(letter.identity)
                yield letter
