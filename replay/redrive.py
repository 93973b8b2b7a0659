"""Dead letters back to where they came from: the same key and bytes, the same partition, in order, for their consumer.

A header names the consumer, so that the others ignore it, another counts how often it was put back, and one more for
each time says why it had failed: what fails again comes back with its history. A note beside the letter says that it
was put back, so that a second run does not do it again.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import orjson

from replay.letters import Book, Wanted, read_book, read_letters
from replay.log import bounds_of
from runtime.clock import Clock
from runtime.kafka.dead_letters import DeadLetter, to_note
from runtime.kafka.producer import Outgoing, SendFailed, Sending
from runtime.settings import KafkaSettings
from schemas.headers import REDRIVE_ATTEMPT, REDRIVE_FOR, REDRIVE_HISTORY
from schemas.record import RawRecord
from schemas.registry import TYPES_IN

MOST_ATTEMPTS = 5
"""What was put back so often is left: look at it, mend the cause."""

MOST_REASON_CHARS = 200
_CHUNK = 100
_CHUNK_BYTES = 8 << 20


@dataclass(slots=True)
class Redriven:
    """What became of the wanted letters. `sent` is by (consumer, topic); `left` says why, and how many."""

    sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)

    def document(self) -> dict[str, object]:
        """As plain data."""
        return {
            "sent": [{"consumer": c, "topic": t, "count": n} for (c, t), n in sorted(self.sent.items())],
            "left": dict(sorted(self.left.items())),
        }


def put_back(letter: DeadLetter, *, before: int = 0) -> Outgoing:
    """The record that goes back into the topic of origin; the letter itself was put back `before` times."""
    origin = letter.origin
    kept = [(name, value) for name, value in origin.headers if name not in {REDRIVE_FOR, REDRIVE_ATTEMPT}]
    history = orjson.dumps(
        {
            "partition": origin.partition,
            "offset": origin.offset,
            "failed_at_ms": letter.failed_at_ms,
            "reason": letter.reason,
            "message": letter.message[:MOST_REASON_CHARS],
        }
    )
    headers = (
        *kept,
        (REDRIVE_FOR, letter.consumer.encode()),
        (REDRIVE_ATTEMPT, b"%d" % (letter.redriven + before + 1)),
        (REDRIVE_HISTORY, history),
    )
    return Outgoing(origin.topic, origin.key, origin.value, headers, origin.partition)


def why_left(letter: DeadLetter, partitions: Mapping[str, int], *, book: Book, again: bool) -> str | None:
    """Why a letter is not put back; None when it is. Anybody may write letters: the place must be one of ours."""
    origin: RawRecord = letter.origin
    if origin.partition >= partitions.get(origin.topic, 0):
        return "no_such_topic_or_partition"
    if letter.identity in book.failed_again:
        return "failed_again"
    if letter.redriven + book.times[letter.identity] >= MOST_ATTEMPTS:
        return "too_many_attempts"
    if letter.identity in book.redriven and not again:
        return "already_put_back"
    return None


class Redrive:
    """Puts letters back. `again`: also those that were put back before and have not come back."""

    def __init__(
        self, kafka: KafkaSettings, producer: Sending, clock: Clock, *, dry_run: bool = False, again: bool = False
    ) -> None:
        self._kafka = kafka
        self._producer = producer
        self._clock = clock
        self._dry_run = dry_run
        self._again = again

    async def run(self, wanted: Wanted) -> Redriven:
        """Put back the wanted letters that are there now, each awaited with its neighbours. Raises KafkaUnavailable.

        A kill puts back again what was sent last and not noted yet: tables take it once, a message may be told twice.
        """
        book = await read_book(self._kafka)
        places = await bounds_of(self._kafka, list(TYPES_IN))
        partitions = Counter(topic for topic, _ in places)
        result, chunk, size = Redriven(), list[DeadLetter](), 0
        async with aclosing(read_letters(self._kafka, book, wanted)) as letters:
            async for letter in letters:
                why = why_left(letter, partitions, book=book, again=self._again)
                if why is not None:
                    result.left[why] += 1
                    continue
                result.sent[letter.consumer, letter.origin.topic] += 1
                chunk.append(letter)
                size += len(letter.origin.value or b"")
                if len(chunk) >= _CHUNK or size >= _CHUNK_BYTES:
                    await self._send(chunk, book)
                    chunk, size = [], 0
        await self._send(chunk, book)
        return result

    async def _send(self, letters: Sequence[DeadLetter], book: Book) -> None:
        if self._dry_run or not letters:
            return
        try:
            records = [put_back(letter, before=book.times[letter.identity]) for letter in letters]
            await self._producer.send(records)
        except SendFailed as error:
            # What arrived is noted all the same, so that it is not put back twice.
            await self._note([letters[index] for index in sorted(error.acknowledged)])
            raise
        await self._note(letters)

    async def _note(self, letters: Sequence[DeadLetter]) -> None:
        now_ms = self._clock.now_ms()
        await self._producer.send([to_note(letter, redriven_ms=now_ms) for letter in letters])
