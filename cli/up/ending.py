"""The end of a run: workers first, then the servers, all within a time that is never passed.

For a summary the workers are stopped one after the other, so that what was published is stored when it is counted.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from cli.up.pipeline import Pipeline
from cli.up.stored import Rows, added
from runtime.clock import Clock
from runtime.errors import InfrastructorError
from runtime.kafka.failures import CLIENT_ERRORS

END_S = 9.5
_SERVERS_S = 3.5
_POLL_S = 0.1
_SINKS = ("sink-timescale", "sink-gotify", "sink-webhook")
# What reading from a broker or a database that is going away may raise.
_AWAY = (InfrastructorError, *CLIENT_ERRORS)


@dataclass(frozen=True, slots=True)
class Counted:
    """What the database held at the end: rows added by table, open gaps, and whether all was stored."""

    stored: Rows
    gaps: int
    consistent: bool


NOTHING = Counted({}, 0, consistent=False)


class Ending:
    """Ends one pipeline. Every step takes what is left of the time, and no more."""

    def __init__(self, pipeline: Pipeline, clock: Clock) -> None:
        self._pipeline = pipeline
        self._clock = clock
        self._deadline = clock.monotonic() + END_S

    async def quickly(self) -> Counted:
        """Stop all workers at the same time, then the servers; nothing is counted."""
        await self._pipeline.stop_workers(self._left(_SERVERS_S))
        await self._close()
        await self._pipeline.stop_servers(self._left())
        return NOTHING

    async def counting(self) -> Counted:
        """Stop the agent, the streams and the sinks in turn, count, stop the servers."""
        pipeline = self._pipeline
        await pipeline.stop_workers(min(3.5, self._left(_SERVERS_S)), "agent")
        await pipeline.stop_workers(min(2.5, self._left(_SERVERS_S)), "streams")
        consistent = await self._all_stored(min(2.5, self._left(_SERVERS_S)))
        await pipeline.stop_workers(min(2.0, self._left(_SERVERS_S)), *_SINKS)
        counted = await self._count(consistent=consistent)
        await self._close()
        await pipeline.stop_servers(self._left())
        return counted

    async def at_once(self) -> None:
        """Kill what is left."""
        await self._pipeline.stop_workers(0)
        await self._pipeline.stop_servers(0)

    async def _all_stored(self, within_s: float) -> bool:
        """Wait until the database has every record that the topics hold now; False when that takes too long."""
        stored = self._pipeline.stored
        if stored is None or not self._pipeline.watching:
            return False
        with suppress(*_AWAY):
            async with asyncio.timeout(within_s):
                while True:
                    ends = await self._pipeline.watch.ends()
                    offsets = await stored.offsets()
                    if all(offsets.get((tp.topic, tp.partition), 0) >= end for tp, end in ends.items()):
                        return True
                    await asyncio.sleep(_POLL_S)
        return False

    async def _count(self, *, consistent: bool) -> Counted:
        pipeline = self._pipeline
        if pipeline.watching:
            await pipeline.watch.catch_up(min(1.5, self._left(_SERVERS_S)))
        if pipeline.stored is None:
            return NOTHING
        with suppress(*_AWAY):
            async with asyncio.timeout(min(1.5, self._left(_SERVERS_S))):
                rows = await pipeline.stored.counted(within_s=0.5)
                gaps = await pipeline.stored.open_gaps()
                return Counted(added(pipeline.rows_before, rows), gaps, consistent=consistent)
        return NOTHING

    async def _close(self) -> None:
        with suppress(*_AWAY):
            async with asyncio.timeout(1):
                await self._pipeline.watch.close()
        if self._pipeline.stored is not None:
            with suppress(*_AWAY):
                async with asyncio.timeout(1):
                    await self._pipeline.stored.close()

    def _left(self, reserve_s: float = 0.0) -> float:
        return max(0.1, self._deadline - self._clock.monotonic() - reserve_s)
