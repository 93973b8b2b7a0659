"""The oracle's reading of losses: dead letters, holes in sequences, gaps told and closed, and who moved which offset.

What was planted is held against the topics, and the topics against the database.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg

from tests.faults.oracle import Seen, events_of, named

Stream = tuple[str, str, str]
Number = tuple[Stream, int]

SINK = b"timescale"
BY_ID = {"infra.devices"}
"""Topics in which events are known by their id: their sequences are nobody's book."""


def letters_of(topics: dict[str, list[Seen]]) -> list[Seen]:
    """The sink's own dead letters, each of its origins once."""
    found = {
        _place(letter): letter
        for letter in topics["infra.dead-letters"]
        if dict(letter.headers).get("dl-consumer") == SINK
    }
    return list(found.values())


def dead_ids(topics: dict[str, list[Seen]]) -> set[str]:
    """The ids of events that became dead letters."""
    return {letter.id for letter in letters_of(topics) if letter.id}


def _place(letter: Seen) -> tuple[str, int, int]:
    told = {name: value.decode() for name, value in letter.headers}
    return told["dl-topic"], int(told["dl-partition"]), int(told["dl-offset"])


def _number(event: dict[str, Any], topic: str) -> Number | None:
    if not isinstance(event.get("sequence"), int) or topic in BY_ID:
        return None
    source = str(event["source"])
    scope = source.split("/")[3] if source.startswith("/agents/") else source
    return (topic, str(event["subject"]), scope), event["sequence"]


def letters(topics: dict[str, list[Seen]], database: str, *, dead: Iterable[Number]) -> list[str]:
    """What was spoilt, and what is no JSON, is a dead letter and a row of that; nothing else is."""
    found = letters_of(topics)
    numbers = {_number(letter.event, _place(letter)[0]) for letter in found if letter.event is not None}
    expected = set(dead)
    unreadable = {
        (one.topic, one.partition, one.offset)
        for topic, records in topics.items()
        for one in records
        if topic != "infra.dead-letters" and one.event is None
    }
    places = {_place(letter) for letter in found}
    with psycopg.connect(database) as connection:
        stored = {
            tuple(row)
            for row in connection.execute(
                "SELECT topic, partition, kafka_offset FROM dead_letters WHERE consumer = 'timescale'"
            )
        }
    silent = {_place(letter) for letter in found if letter.event is None}
    return (
        named("spoilt and no dead letter", [str(n) for n in expected - numbers])
        + named("a dead letter of what is not spoilt", [str(n) for n in numbers - expected])
        + named("no JSON and no dead letter", [str(p) for p in unreadable - silent])
        + named("a dead letter of no record", [str(p) for p in silent - unreadable])
        + named("a dead letter that is not stored, or stored without one", [str(p) for p in places ^ stored])
    )


def holes_of(topics: dict[str, list[Seen]]) -> set[Number]:
    """The numbers below the highest of their stream that never came."""
    seen: dict[Stream, set[int]] = defaultdict(set)
    for one in events_of(topics):
        assert one.event is not None
        number = _number(one.event, one.topic)
        if number is not None:
            seen[number[0]].add(number[1])
    return {(stream, n) for stream, there in seen.items() for n in range(1, max(there) + 1) if n not in there}


def gap_ledger(
    topics: dict[str, list[Seen]], database: str, *, missing: Iterable[Number], late: Iterable[Number]
) -> list[str]:
    """The open gaps are the holes that were planted, each told once; what came late is closed where it was told."""
    planted, allowed = set(missing), set(missing) | set(late)
    holes = holes_of(topics)
    with psycopg.connect(database) as connection:
        gaps = connection.execute(
            "SELECT gap_id::text, topic, subject, scope, first_missing, last_missing, closed_at IS NOT NULL, source"
            " FROM gaps WHERE counted_by = 'sequence'"
        ).fetchall()
        untold = connection.execute(
            "SELECT topic, subject, scope, first_missing, last_missing FROM gaps_open WHERE gap_id IS NULL"
        ).fetchall()
        ledger = connection.execute("SELECT topic, subject, scope, first_missing, last_missing FROM sequence_holes")
        booked = [number for row in ledger for number in _spread(*row)]
    opened = Counter(n for _, *place, closed, _ in gaps if not closed for n in _spread(*place))
    told = Counter(n for _, *place, _, source in gaps if source == "/sinks/timescale" for n in _spread(*place))
    return (
        named("planted, and no hole in the log", [str(n) for n in planted - holes])
        + named("a hole in the log that nobody planted", [str(n) for n in holes - planted])
        + named("missing, and no open gap", [str(n) for n in planted if n not in opened])
        + named("an open gap of what is not missing", [str(n) for n in opened if n not in allowed])
        + named("an open gap though all of it came", _whole(gaps, holes))
        + named("a gap of what never was missing", [str(n) for n in told if n not in allowed])
        + named("told in two gaps", [str(n) for n, count in told.items() if count > 1])
        + named("a hole that was not told", [str(n) for row in untold for n in _spread(*row)])
        + named("another hole in the ledger than in the log", [str(n) for n in set(booked) ^ holes])
    )


def _spread(topic: str, subject: str, scope: str, first: int, last: int) -> Iterator[Number]:
    return (((topic, subject, scope), number) for number in range(first, last + 1))


def _whole(gaps: list[tuple[Any, ...]], holes: set[Number]) -> list[str]:
    return [gap_id for gap_id, *place, closed, _ in gaps if not closed and not holes.intersection(_spread(*place))]


def gaps_as_told(live: dict[str, list[Seen]], database: str) -> list[str]:
    """The table is what the events say: one row a `gap.detected`, closed when there is a `gap.closed`."""
    detected, closed = set(), set()
    for one in live["infra.collections"]:
        if one.event is not None and one.type == "infrastructor.gap.detected.v1":
            detected.add(one.id)
        elif one.event is not None and one.type == "infrastructor.gap.closed.v1":
            closed.add(str(one.event["data"]["gap_id"]))
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT gap_id::text, closed_at IS NOT NULL FROM gaps")
        stored: dict[str, bool] = {str(row[0]): bool(row[1]) for row in rows}
    return (
        named("a gap that is not stored, or stored without an event", list(detected ^ stored.keys()))
        + named("a gap open or closed wrongly", [i for i, over in stored.items() if over != (i in closed)])
        + named("closed, and never detected", list(closed - detected))
    )


def one_document_an_id(topics: dict[str, list[Seen]]) -> list[str]:
    """An id stands for one document, however often it was sent."""
    known: dict[str, bytes | None] = {}
    wrong = [one.id for one in events_of(topics) if known.setdefault(one.id, one.value) != one.value]
    return named("an id with two documents", wrong)


def moves(database: str) -> list[str]:
    """Each partition's offset went on from where it was, and each event was stored by the move that passed it.

    Reads the book that a trigger keeps of `sink_offsets` (see `stage.PREPARE`), and the transaction of each row: a
    writer that had lost its partition and wrote all the same would have written outside such a move.
    """
    with psycopg.connect(database) as connection:
        book = connection.execute(
            "SELECT topic, partition, before, after, transaction FROM oracle_moves ORDER BY n"
        ).fetchall()
        rows = connection.execute(
            "SELECT topic, partition, kafka_offset, xmin::text::bigint, id::text FROM events"
        ).fetchall()
    wrong, at = [], dict[tuple[str, int], int]()
    passed: dict[tuple[str, int, int], int] = {}
    for topic, partition, before, after, transaction in book:
        place = (topic, partition)
        if before != at.get(place, before) or after < before:
            wrong.append(f"{place} went from {before} to {after}, it was at {at.get(place)}")
        at[place] = after
        passed.update(((topic, partition, offset), transaction) for offset in range(before, after))
    strange = [
        f"{topic}/{partition}/{offset} ({i}) by {xmin}, passed by {passed.get((topic, partition, offset))}"
        for topic, partition, offset, xmin, i in rows
        if passed.get((topic, partition, offset)) != xmin
    ]
    return named("an offset that did not go on from where it was", wrong) + named(
        "an event that another transaction stored than the one that passed it", strange
    )
