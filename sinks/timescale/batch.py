"""A batch: what is stored in one transaction, partition by partition, and how records are admitted to it.

Nothing here waits or asks: the ledger's state is given, and what is decided can be decided again.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import orjson

from runtime.kafka.dead_letters import DeadLetter, from_record, noted, refused
from schemas.envelope import is_source, is_subject, needs_sequence
from schemas.headers import REDRIVE_FOR, header
from schemas.identity import sequence_scope
from schemas.record import RawRecord, RecordReader
from schemas.refusal import EventRefused, Reason
from schemas.registry import ALERTS, DEAD_LETTERS, DEVICES, STATUS, TYPES_IN
from sinks.timescale.ledger import Changes, Known, Ledger, Stream, stream_of
from sinks.timescale.project import is_projected, letter_row, row_count
from sinks.timescale.rows import LetterRow, ReadRecord

CONSUMER = "timescale"
"""The name of this consumer in dead letters and in the header of redriven records."""

URGENT = frozenset({STATUS, ALERTS})
"""Topics whose records are stored at once, whatever the batch window."""


_KNOWN_TYPES: frozenset[str] = frozenset().union(*TYPES_IN.values())


class Item(NamedTuple):
    """One record that is to be stored: its bytes, for a dead letter if need be, and what was read of them.

    Either `record` or `letter`. `stream` is what counts the event, None when it is known by its id.
    """

    raw: RawRecord
    record: ReadRecord | None
    letter: LetterRow | None = None
    stream: Stream | None = None
    sequence: int = 0
    rows: int = 2
    redriven: bool = False


def _item(raw: RawRecord, record: ReadRecord) -> Item:
    event = record.event
    return Item(
        raw,
        record,
        stream=stream_of(record),
        sequence=event.sequence or 0,
        rows=row_count(event),
        redriven=record.redrive_for == CONSUMER,
    )


Read = Item | DeadLetter | None
"""What one record turned out to be; None: nothing that this sink stores."""


def read(raw: RawRecord, reader: RecordReader, *, now_ms: int) -> Read:
    """Decode and check one record, once."""
    if raw.topic == DEAD_LETTERS:
        return _read_letter(raw, now_ms)
    redrive = header(raw.headers, REDRIVE_FOR) if raw.headers else None
    if redrive is not None and redrive != CONSUMER.encode():
        return None
    if raw.value is None and raw.topic == DEVICES:
        # A tombstone: how a compacted topic forgets a key, and nothing that happened to a device.
        return None
    try:
        record = reader.read(raw)
    except EventRefused as error:
        return refused(raw, error, consumer=CONSUMER, failed_at_ms=now_ms)
    return _item(raw, record) if is_projected(record) else None


def _read_letter(raw: RawRecord, now_ms: int) -> Read:
    if noted(raw) is not None:
        return None
    letter = from_record(raw)
    if letter is not None:
        return Item(raw, None, letter_row(letter, raw))
    why = EventRefused(Reason.NOT_AN_EVENT, "", "a record of infra.dead-letters without the headers of one")
    return refused(raw, why, consumer=CONSUMER, failed_at_ms=now_ms)


def refused_stream(raw: RawRecord) -> tuple[Stream, int] | None:
    """The stream and sequence of a refused record, where its envelope tells them; None where it does not."""
    if raw.value is None or raw.key is None or raw.topic in {DEVICES, DEAD_LETTERS}:
        return None
    document = _legible(raw.value)
    if not isinstance(document, dict):
        return None
    source, subject, sequence = document.get("source"), document.get("subject"), document.get("sequence")
    if not isinstance(source, str) or not isinstance(subject, str) or type(sequence) is not int:
        return None
    if document.get("type") in _KNOWN_TYPES - TYPES_IN.get(raw.topic, frozenset()):
        # Sent to a topic that is not its own: its number belongs to a stream of another one.
        return None
    if not is_subject(subject):
        # What no event may be about has no stream, and might be no text that a database takes.
        return None
    # Only under its own key: a foreign subject's stream may belong to another partition, thus to another writer.
    ours = is_source(source) and needs_sequence(source) and subject.encode() == raw.key
    return ((raw.topic, subject, sequence_scope(source)), sequence) if ours and 1 <= sequence < 2**31 else None


def _legible(value: bytes) -> object:
    """What JSON there is; also what many writers take for JSON, NaN and Infinity, for which an event is refused."""
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return None


@dataclass(slots=True, eq=False)
class Owned:
    """A partition of this consumer. `known` is the stored offset as last read or written, `ahead` the next to read.

    `stored` is the ledger at `known`, `taken` the ledger at `ahead`; both are lost with the partition (`live` False).
    """

    topic: str
    partition: int
    known: int
    ahead: int
    first: int
    live: bool = True
    stored: Ledger = field(default_factory=dict)
    taken: Ledger = field(default_factory=dict)

    def is_live(self) -> bool:
        """Whether it is still ours; asked again after every wait."""
        return self.live

    @property
    def name(self) -> tuple[str, int]:
        """Topic and number."""
        return (self.topic, self.partition)


@dataclass(slots=True, eq=False)
class Part:
    """One partition's share of a batch: everything up to `next`, exclusive."""

    owner: Owned
    next: int
    items: list[Item] = field(default_factory=list)
    refused: list[DeadLetter] = field(default_factory=list)
    ignored: int = 0
    duplicates: int = 0
    admitted: bool = False
    mended: list[tuple[Stream, int]] = field(default_factory=list)
    """Streams and sequences of redriven events that were stored already, by a backfill: dead letters no more."""

    @property
    def changes(self) -> Changes:
        """What this share adds to the ledger."""
        seen: dict[Stream, list[int]] = {}
        dead: dict[Stream, list[int]] = {}
        since: dict[Stream, int] = {}
        for item in self.items:
            if item.stream is not None:
                seen.setdefault(item.stream, []).append(item.sequence)
        for stream, sequence in self.mended:
            seen.setdefault(stream, []).append(sequence)
        for letter in self.refused:
            found = refused_stream(letter.origin)
            if found is not None:
                dead.setdefault(found[0], []).append(found[1])
        if self.owner.first > 0:
            since = {stream: min(seen.get(stream, []) + dead.get(stream, [])) for stream in seen.keys() | dead.keys()}
        return Changes(seen, dead, since)

    def streams(self) -> Iterator[Stream]:
        """The streams that have to be known before this share can be admitted or stored."""
        for item in self.items:
            if item.stream is not None:
                yield item.stream
        for letter in self.refused:
            found = refused_stream(letter.origin)
            if found is not None:
                yield found[0]

    def admit(self) -> None:
        """Leave out what is a repetition by its sequence; `owner.taken` must know the streams. Done once."""
        if self.admitted:
            return
        self.admitted = True
        taken = self.owner.taken
        kept: list[Item] = []
        fresh: dict[Stream, list[int]] = {}
        highest: dict[Stream, int] = {}
        for item in self.items:
            if item.stream is not None:
                numbers = fresh.setdefault(item.stream, [])
                top = highest.get(item.stream)
                if top is None:
                    top = self._highest(item)
                # Nearly always a number above all: only others need a look at all that is known.
                if item.sequence <= top and not item.redriven and self._met(item, numbers):
                    self.duplicates += 1
                    continue
                highest[item.stream] = max(top, item.sequence)
                numbers.append(item.sequence)
            kept.append(item)
        self.items = kept
        for stream, numbers in fresh.items():
            taken[stream] = taken.get(stream, _NOTHING).with_seen(numbers)
        for letter in self.refused:
            found = refused_stream(letter.origin)
            if found is not None:
                taken[found[0]] = taken.get(found[0], _NOTHING).with_dead((found[1],))

    def _highest(self, item: Item) -> int:
        known = self.owner.taken.get(item.stream) if item.stream is not None else None
        return known.highest if known is not None else 0

    def _met(self, item: Item, numbers: list[int]) -> bool:
        known = self.owner.taken.get(item.stream, _NOTHING) if item.stream is not None else _NOTHING
        return known.has(item.sequence) or item.sequence in numbers


_NOTHING = Known()


@dataclass(slots=True)
class Batch:
    """What is stored in one transaction."""

    shares: dict[Owned, Part] = field(default_factory=dict)
    rows: int = 0
    urgent: bool = False
    sent: set[tuple[str, str, int, int]] = field(default_factory=set)
    """Identities of the letters that are acknowledged."""

    @property
    def parts(self) -> list[Part]:
        """The shares of the partitions."""
        return list(self.shares.values())

    @property
    def items(self) -> list[Item]:
        """All that is to be stored, partition after partition."""
        return [item for part in self.shares.values() for item in part.items]

    @property
    def letters(self) -> list[DeadLetter]:
        """All that was refused."""
        return [letter for part in self.shares.values() for letter in part.refused]

    @property
    def duplicates(self) -> int:
        """How many records repeat what is stored."""
        return sum(part.duplicates for part in self.shares.values())

    def take(self, owner: Owned, raw: RawRecord, found: Read) -> None:
        """Add the next record of a partition."""
        part = self.shares.get(owner)
        if part is None:
            part = self.shares[owner] = Part(owner, raw.offset)
        part.next = owner.ahead = raw.offset + 1
        match found:
            case Item():
                part.items.append(found)
                self.rows += found.rows
                self.urgent = self.urgent or raw.topic in URGENT
            case DeadLetter():
                part.refused.append(found)
                self.rows += 1
            case None:
                part.ignored += 1

    def leave(self, owners: Iterable[Owned]) -> None:
        """Drop the shares of partitions that are not ours any more."""
        for owner in owners:
            self.shares.pop(owner, None)

    def known_by_id(self) -> list[UUID]:
        """The ids of events that have to be looked up: those that no sequence tells apart."""
        return [item.record.event.id for item in self.items if item.record is not None and _by_id(item)]

    def drop_stored(self, stored: Set[UUID]) -> None:
        """Leave out events known by their id that are stored, or stand twice in this batch."""
        seen = set(stored)
        for part in self.shares.values():
            kept = []
            for item in part.items:
                if item.record is not None and _by_id(item):
                    if item.record.event.id in seen:
                        part.duplicates += 1
                        if item.stream is not None:
                            part.mended.append((item.stream, item.sequence))
                        continue
                    seen.add(item.record.event.id)
                kept.append(item)
            part.items = kept

    def refuse(self, letters: Mapping[int, DeadLetter]) -> None:
        """Turn items, by their identity `id(item)`, into dead letters: the database would not have them."""
        for part in self.shares.values():
            part.refused += [letters[id(item)] for item in part.items if id(item) in letters]
            part.items = [item for item in part.items if id(item) not in letters]


def _by_id(item: Item) -> bool:
    return item.record is not None and (item.stream is None or item.redriven)
