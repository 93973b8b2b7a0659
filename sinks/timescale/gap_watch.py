"""Holes in sequences become gaps after a grace time, and gaps are closed once what was missing has come.

Beside the writer, on a connection of its own, by one process at a time. What it finds it tells as events; the table
`gaps` is projected from these like everything else, so a report that is sent twice is stored once.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from runtime.kafka.outgoing import outgoing
from runtime.kafka.producer import Sending
from schemas.gap import GapClosed, GapClosedData, GapData, GapDetected
from schemas.identity import derived_id
from schemas.registry import COLLECTIONS
from sinks.surroundings import Surroundings
from sinks.timescale.ledger import Stream
from sinks.timescale.losses import GAPS, SOURCE
from sinks.timescale.metrics import SinkMetrics
from sinks.timescale.turns import Connection, in_turns, is_alone

MOST = 500
"""How many gaps one turn tells; the others wait for the next."""


def missing(stream: Stream, first: int, last: int, *, noticed_at: datetime) -> GapDetected:
    """The report of sequences `first` to `last`; all of it depends on the hole alone, so that it is stored once."""
    topic, subject, scope = stream
    return GapDetected(
        id=derived_id(GAPS, "sequence", topic, subject, scope, str(first), str(last)),
        source=SOURCE,
        subject=subject,
        time=noticed_at,
        data=GapData(
            scope=scope,
            topic=topic,
            subject=subject,
            first=first,
            last=last,
            reason="missing",
            detail=f"{_numbers(first, last)} of {topic} never came, later ones did",
        ),
    )


def closed(gap_id: UUID, stream: Stream, first: int, last: int, *, noticed_at: datetime) -> GapClosed:
    """The event that a gap is whole again; whoever tells it, it is the same."""
    topic, subject, scope = stream
    return GapClosed(
        id=derived_id(gap_id, SOURCE, "closed"),
        source=SOURCE,
        subject=subject,
        time=noticed_at,
        data=GapClosedData(gap_id=gap_id, scope=scope, topic=topic, subject=subject, first=first, last=last),
    )


def _numbers(first: int, last: int) -> str:
    return f"event {first}" if first == last else f"events {first} to {last}"


class GapWatch:
    """Tells of gaps and of their end; never stops the sink."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        sql: Mapping[str, LiteralString],
        producer: Sending,
        *,
        around: Surroundings,
        metrics: SinkMetrics,
        grace_s: float,
        every_s: float = 30.0,
    ) -> None:
        self._connect = connect
        self._sql = sql
        self._producer = producer
        self._around = around
        self._metrics = metrics
        self._grace_s = grace_s
        self._every_s = min(every_s, max(grace_s, 1.0))
        self._told: set[UUID] = set()

    async def run(self) -> None:
        """Look again and again until asked to stop."""
        await in_turns(self.turn, "the watch for gaps", every_s=self._every_s, around=self._around)

    async def turn(self) -> int:
        """Look once; how many events were told. Raises psycopg.Error, SendFailed."""
        connection = await self._connect()
        try:
            # Noticed and committed first: the times in the events must be those that whoever tells them next will find.
            async with connection.transaction():
                if not await is_alone(connection, self._sql["try_gaps"]):
                    return 0
                await self._notice(connection)
            async with connection.transaction():
                if not await is_alone(connection, self._sql["try_gaps"]):
                    return 0
                events: list[GapDetected | GapClosed] = [*await self._ripe(connection), *await self._whole(connection)]
                new = [event for event in events if event.id not in self._told]
                # Within the transaction: whoever comes next finds this told, or is told that it failed.
                await self._tell(new)
            await self._count(connection)
        finally:
            await connection.close()
        # What is not found again was projected meanwhile.
        self._told = {event.id for event in events}
        return len(new)

    async def _notice(self, connection: Connection) -> None:
        await connection.execute(self._sql["unwatch_gaps"], {"grace_s": self._grace_s})
        for statement in ("watch_gaps", "watch_whole_gaps"):
            await connection.execute(self._sql[statement])

    async def _ripe(self, connection: Connection) -> list[GapDetected]:
        cursor = await connection.execute(self._sql["ripe_gaps"], {"grace_s": self._grace_s, "most": MOST})
        return [
            missing((topic, subject, scope), first, last, noticed_at=noticed_at)
            for topic, subject, scope, first, last, noticed_at in await cursor.fetchall()
        ]

    async def _whole(self, connection: Connection) -> list[GapClosed]:
        cursor = await connection.execute(self._sql["whole_gaps"], {"most": MOST})
        return [
            closed(gap_id, (topic, subject, scope), first, last, noticed_at=noticed_at)
            for gap_id, topic, subject, scope, first, last, noticed_at in await cursor.fetchall()
        ]

    async def _tell(self, events: Sequence[GapDetected | GapClosed]) -> None:
        if not events:
            return
        now_ms = self._around.clock.now_ms()
        await self._producer.send([outgoing(event, COLLECTIONS, sent_ms=now_ms) for event in events])
        for event in events:
            data, told = event.data, "gap closed" if isinstance(event, GapClosed) else "gap detected"
            self._around.log.warning(told, topic=data.topic, subject=data.subject, first=data.first, last=data.last)

    async def _count(self, connection: Connection) -> None:
        row = await (await connection.execute(self._sql["count_gaps"])).fetchone()
        if row is not None:
            self._metrics.missing.labels("told").set(row[0])
            self._metrics.missing.labels("watched").set(row[1])
