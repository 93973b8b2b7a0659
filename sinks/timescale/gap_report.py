"""What is missing and what is known of it, for people: read from the ledger, the register and the reports."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from sinks.timescale.ledger import Stream
from sinks.timescale.ranges import Ranges, parse_ranges

Connection = psycopg.Connection[tuple[Any, ...]]

MOST = 200
"""How many letters and conflicts one answer names."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap, or a hole that is watched (`gap_id` None); `missing` is what has not come of it so far."""

    gap_id: UUID | None
    told_at: datetime
    counted_by: str
    topic: str
    subject: str
    scope: str
    partition: int | None
    first: int
    last: int
    reason: str | None
    detail: str | None
    source: str | None
    closed_at: datetime | None
    missing: int


@dataclass(frozen=True, slots=True)
class Report:
    """Who said what of a range of a stream."""

    gap_id: UUID
    first: int
    last: int
    reason: str
    detail: str | None
    source: str
    detected_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter of this sink."""

    topic: str
    subject: str | None
    partition: int
    offset: int
    reason: str
    field: str
    message: str
    failed_at: datetime


@dataclass(frozen=True, slots=True)
class Conflict:
    """A sample that could not be stored: another event held its series and time, with the value that is stored."""

    device: str
    name: str
    labels: Mapping[str, str]
    time: datetime
    value: float
    event_id: UUID
    stored_value: float | None
    found_at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """One stream since a time: how many events it must have had, which are lost, which are dead letters."""

    stream: Stream
    expected: int
    stored: int
    lost: Ranges
    dead: Ranges
    reports: tuple[Report, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """All that is known of losses since a time."""

    since: datetime
    accounts: tuple[Account, ...]
    letters: tuple[Letter, ...]
    conflicts: tuple[Conflict, ...]


def account(
    stream: Stream,
    seen: Ranges,
    dead: Ranges,
    *,
    lowest: int,
    highest: int,
    since: int,
    reports: Iterable[Report] = (),
    restored: Iterable[int] = (),
) -> Account:
    """What a stream lost between the lowest and the highest sequence stored since a time.

    A hole that ends right before the lowest counts too: nobody can say that it happened earlier. What lies before
    `since` was before this projection began to read. What was `restored` (by a backfill, which the ledger knows nothing
    of) is in the register after all.
    """
    known = Ranges()
    for start, end in sorted((*seen.spans, *dead.spans, (lowest, lowest + 1))):
        known = known.with_span(start, end)
    at = next(at for at, (start, end) in enumerate(known.spans) if start <= lowest < end)
    before = known.spans[at - 1][1] if at else min(max(since, 1), lowest)
    begin = before if known.spans[at][0] == lowest else lowest
    lost = _without(begin, highest + 1, known)
    for number in restored:
        lost = lost.without(number)
    within = Ranges(tuple((max(a, begin), min(b, highest + 1)) for a, b in dead.spans if b > begin and a <= highest))
    expected = highest + 1 - begin
    return Account(
        stream,
        expected,
        stored=expected - lost.count - within.count,
        lost=lost,
        dead=within,
        reports=tuple(one for one in reports if any(a <= one.last and one.first < b for a, b in lost.spans)),
    )


def _without(begin: int, end: int, known: Ranges) -> Ranges:
    """The numbers from `begin` to before `end` that are not known."""
    spans, at = [], begin
    for start, after in known.spans:
        if start > at:
            spans.append((at, min(start, end)))
        at = max(at, after)
        if at >= end:
            break
    if at < end:
        spans.append((at, end))
    return Ranges(tuple(span for span in spans if span[0] < span[1]))


def known(connection: Connection, sql: Mapping[str, LiteralString], subject: str) -> bool:
    """Whether anything of a subject was ever stored. Raises psycopg.Error."""
    row = connection.execute(sql["subject_known"], {"subject": subject}).fetchone()
    return row is not None and bool(row[0])


def listed(
    connection: Connection,
    sql: Mapping[str, LiteralString],
    *,
    subject: str | None,
    since: datetime | None,
    closed: bool,
    most: int,
) -> list[Gap]:
    """The gaps, newest first. Raises psycopg.Error."""
    asked = {"subject": subject, "since": since, "closed": closed, "most": most}
    return [Gap(*row) for row in connection.execute(sql["list_gaps"], asked)]


def explained(
    connection: Connection,
    sql: Mapping[str, LiteralString],
    *,
    subject: str | None,
    topic: str | None,
    since: datetime,
) -> Explained:
    """What was lost since a time, of a device or of all, and what is known of it. Raises psycopg.Error."""
    asked = {"subject": subject, "topic": topic, "since": since, "most": MOST}
    reports = _reports(connection.execute(sql["explain_reports"], asked).fetchall())
    accounts = []
    for topic_, subject_, scope, lowest, highest, first, seen, dead in connection.execute(
        sql["explain_streams"], asked
    ):
        stream = (topic_, subject_, scope)
        bounds = {"lowest": lowest, "highest": highest, "since": first, "reports": reports.get(stream, ())}
        found = account(stream, parse_ranges(seen), parse_ranges(dead), **bounds)
        if found.lost:
            numbers = _restored(connection, sql, found)
            found = account(stream, parse_ranges(seen), parse_ranges(dead), **bounds, restored=numbers)
        accounts.append(found)
    letters = tuple(_letter(row) for row in connection.execute(sql["explain_letters"], asked))
    conflicts = tuple(Conflict(*row) for row in connection.execute(sql["explain_conflicts"], asked))
    return Explained(since, tuple(accounts), letters, conflicts)


def _letter(row: Sequence[Any]) -> Letter:
    topic, key, *rest = row
    # A key may be any bytes: that may be why it is a dead letter.
    return Letter(topic, None if key is None else bytes(key).decode(errors="backslashreplace"), *rest)


def _restored(connection: Connection, sql: Mapping[str, LiteralString], found: Account) -> list[int]:
    topic, subject, scope = found.stream
    first, last = found.lost.spans[0][0], found.lost.spans[-1][1] - 1
    asked = {"topic": topic, "subject": subject, "scope": scope, "first": first, "last": last, "lost": str(found.lost)}
    return [row[0] for row in connection.execute(sql["explain_restored"], asked)]


def _reports(rows: Sequence[tuple[Any, ...]]) -> dict[Stream, list[Report]]:
    found: dict[Stream, list[Report]] = {}
    for topic, subject, scope, *rest in rows:
        found.setdefault((topic, subject, scope), []).append(Report(*rest))
    return found


def by_subject(accounts: Iterable[Account]) -> Iterator[tuple[str, str, list[Account]]]:
    """Accounts of one subject and topic together: an agent with a new spool counts anew, and is still one device."""
    grouped: dict[tuple[str, str], list[Account]] = {}
    for one in accounts:
        topic, subject, _ = one.stream
        grouped.setdefault((subject, topic), []).append(one)
    for (subject, topic), found in sorted(grouped.items()):
        yield subject, topic, found
