"""Making room: which metrics go, and the gap events that say so."""

import heapq
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from collectors.spool.draft import Draft
from collectors.spool.streams import Stream, Streams, sequence_at
from runtime.clock import Clock
from runtime.sql import Statements
from schemas.gap import GapData, GapDetected, GapReason
from schemas.identity import uuid7
from schemas.registry import COLLECTIONS

COLLECTOR = "spool"
"""The last part of the source of gap events."""

_AT_A_TIME = 32
_DETAILS: dict[GapReason, str] = {
    "spool_full": "The spool was full: the oldest metrics were dropped.",
    "spool_age": "They waited in the spool for longer than they may.",
    "spool_corrupt": "The spool's file was damaged and set aside.",
}


@dataclass(frozen=True, slots=True)
class Dropped:
    """A range of one stream that is lost, and how many events it had."""

    topic: str
    subject: str
    first: int
    last: int
    count: int


def drop_oldest(
    db: sqlite3.Connection, sql: Statements, streams: Streams, *, enough: Callable[[], bool]
) -> list[Dropped]:
    """Delete metrics, the oldest first over all devices, until it is enough or none is left; return what went."""
    heads = [head for stream in streams if stream.droppable and (head := _head(db, sql, stream)) is not None]
    heapq.heapify(heads)
    ranges: dict[int, Dropped] = {}
    while heads and not enough():
        _, stream_id = heapq.heappop(heads)
        stream = streams.by_id(stream_id)
        places = [row[0] for row in db.execute(sql["select_heads"], (*stream.untaken, _AT_A_TIME))]
        if not places:
            continue
        gone = _delete(db, sql, stream, first=places[0], last=places[-1])
        ranges[stream.id] = _joined(ranges.get(stream.id), gone)
        if stream.droppable and (head := _head(db, sql, stream)) is not None:
            heapq.heappush(heads, head)
    return list(ranges.values())


def drop_older(db: sqlite3.Connection, sql: Statements, streams: Streams, *, cutoff_ms: int) -> list[Dropped]:
    """Delete metrics that happened before a time (ms since 1970); return what went."""
    dropped: list[Dropped] = []
    for stream in streams:
        head = _head(db, sql, stream) if stream.droppable else None
        if head is None or head[0] >= cutoff_ms:
            continue
        before, last = stream.untaken
        found = db.execute(sql["select_first_since"], (before, last, cutoff_ms)).fetchone()
        end = found[0] - 1 if found is not None else last
        first = db.execute(sql["select_heads"], (before, last, 1)).fetchone()[0]
        dropped.append(_delete(db, sql, stream, first=first, last=end))
    return dropped


def _head(db: sqlite3.Connection, sql: Statements, stream: Stream) -> tuple[int, int] | None:
    found = db.execute(sql["select_heads"], (*stream.untaken, 1)).fetchone()
    return (found[1], stream.id) if found is not None else None


def _delete(db: sqlite3.Connection, sql: Statements, stream: Stream, *, first: int, last: int) -> Dropped:
    count = db.execute(sql["delete_range"], (first, last)).rowcount
    stream.pending -= count
    return Dropped(stream.topic, stream.subject, sequence_at(first), sequence_at(last), count)


def _joined(before: Dropped | None, now: Dropped) -> Dropped:
    if before is None:
        return now
    return Dropped(now.topic, now.subject, before.first, now.last, before.count + now.count)


def gap_drafts(dropped: Iterable[Dropped], *, reason: GapReason, scope: str, clock: Clock) -> Iterator[Draft]:
    """Yield the event that says of each range that it is lost; `scope` is the epoch it was counted in."""
    for gone in dropped:
        yield Draft(
            GapDetected,
            COLLECTIONS,
            gone.subject,
            id=uuid7(clock.now_ms()),
            time=clock.now(),
            collector=COLLECTOR,
            data=GapData(
                scope=scope,
                topic=gone.topic,
                subject=gone.subject,
                first=gone.first,
                last=gone.last,
                reason=reason,
                detail=_DETAILS[reason],
            ),
        )


def lost_ranges(db: sqlite3.Connection, sql: Statements) -> list[Dropped]:
    """Return what a file that is to be set aside still held, by its list of streams."""
    return [
        Dropped(topic, subject, acknowledged + 1, following - 1, following - 1 - acknowledged)
        for _, topic, subject, following, acknowledged in db.execute(sql["select_streams"])
        if following - 1 > acknowledged
    ]
