"""The sink's own upkeep where no extension does it: rollups computed from what changed, and what is too old deleted.

Bounded in every step; done by one process at a time, by an advisory lock; a step that fails is done again in the next
turn, for what has to be computed leaves its list in the transaction that computes it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from sinks.surroundings import Surroundings
from sinks.timescale.rollups import ROLLUPS, Rollup, stretches
from sinks.timescale.turns import Connection, in_turns, is_alone

GONE = "gone"
"""The name under which retention knows rows of things that vanished."""

VANISHING = (
    "forget_containers",
    "forget_container_ports",
    "forget_drives",
    "forget_drive_attributes",
    "forget_drive_self_tests",
    "forget_pools",
    "forget_pool_devices",
    "forget_datasets",
    "forget_services",
    "forget_network_interfaces",
    "forget_network_addresses",
    "forget_listening_ports",
    "forget_network_routes",
    "forget_network_neighbours",
    "forget_package_updates",
)
"""The statements that forget what is not there any more, things and what belongs to them."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one turn does at most, and how often there is one."""

    every_s: float = 60.0
    buckets: int = 60
    stretch: int = 10
    transactions: int = 20
    rows: int = 10_000


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn did; `alone` is False when another process was at it."""

    buckets: int = 0
    deleted: int = 0
    alone: bool = True


class Upkeep:
    """Keeps rollups and retention on its own connection, beside the writer; never stops the sink."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        sql: Mapping[str, LiteralString],
        *,
        around: Surroundings,
        bounds: Bounds | None = None,
    ) -> None:
        self._connect = connect
        self._sql = sql
        self._around = around
        self._bounds = bounds or Bounds()

    async def run(self) -> None:
        """Do what is due again and again until asked to stop."""
        what = "upkeep of rollups and retention"
        await in_turns(self._told_turn, what, every_s=self._bounds.every_s, around=self._around)

    async def _told_turn(self) -> None:
        done = await self.turn()
        if done.deleted:
            self._around.log.info("deleted what is too old", rows=done.deleted)

    async def turn(self) -> Turn:
        """Do what is due, within bounds. Raises psycopg.Error; what was done before it is kept."""
        connection = await self._connect()
        try:
            buckets = await self._rollups(connection)
            deleted = 0 if buckets is None else await self._retention(connection)
        finally:
            await connection.close()
        return Turn(alone=False) if buckets is None or deleted is None else Turn(buckets, deleted)

    async def _rollups(self, connection: Connection) -> int | None:
        async with connection.transaction():
            cursor = await connection.execute(self._sql["due_rollups"])
            due = {row[0] for row in await cursor.fetchall()}
        done = 0
        for at, rollup in enumerate(ROLLUPS):
            for _ in range(self._bounds.transactions if rollup.name in due else 0):
                found = await self._compute(connection, rollup, ROLLUPS[at + 1 : at + 2])
                if found is None:
                    return None
                done += found
                if found < self._bounds.buckets:
                    break
        return done

    async def _compute(self, connection: Connection, rollup: Rollup, coarser: tuple[Rollup, ...]) -> int | None:
        """Compute some buckets in one transaction; None when another process is at it."""
        async with connection.transaction():
            if not await is_alone(connection, self._sql["try_upkeep"]):
                return None
            asked = {"rollup": rollup.name, "source": rollup.source, "most": self._bounds.buckets}
            cursor = await connection.execute(self._sql["take_touched"], asked)
            buckets = [row[0] for row in await cursor.fetchall()]
            for part in stretches(buckets, rollup.step, most=self._bounds.stretch):
                between = {"begin": part.begin, "end": part.end}
                await connection.execute(self._sql[f"compute_{rollup.short}"], between)
            for following in coarser:
                handed = {"rollup": following.name, "buckets": buckets}
                await connection.execute(self._sql["hand_on"], handed)
            await connection.execute(self._sql["note_refreshed"], {"rollup": rollup.name})
        return len(buckets)

    async def _retention(self, connection: Connection) -> int | None:
        async with connection.transaction():
            cursor = await connection.execute(self._sql["sink_retention"])
            kept: list[tuple[str, datetime, bool]] = await cursor.fetchall()
        deleted = 0
        for table, before, chunked in kept:
            statements = VANISHING if table == GONE else (f"delete_{table}",)
            for statement in ("drop_old_chunks",) if chunked else statements:
                found = await self._delete(connection, statement, table=table, before=before)
                if found is None:
                    return None
                deleted += found
        return deleted

    async def _delete(self, connection: Connection, statement: str, *, table: str, before: datetime) -> int | None:
        """Delete in batches, each in a transaction of its own; None when another process is at it."""
        deleted = 0
        for _ in range(self._bounds.transactions):
            async with connection.transaction():
                if not await is_alone(connection, self._sql["try_upkeep"]):
                    return None
                if await self._waited_for(connection, table, before):
                    break
                await connection.execute(self._sql["note_deleted"], {"table": table, "before": before})
                limits = {"table": table, "before": before, "most": self._bounds.rows}
                found = (await connection.execute(self._sql[statement], limits)).rowcount
            if statement == "drop_old_chunks":
                break
            deleted += found
            if found < self._bounds.rows:
                break
            await asyncio.sleep(0)
        return deleted

    async def _waited_for(self, connection: Connection, table: str, before: datetime) -> bool:
        """Whether a rollup has yet to be made from what would be deleted."""
        rollup = next((rollup.name for rollup in ROLLUPS if rollup.source == table), None)
        cursor = await connection.execute(self._sql["rollup_waits"], {"rollup": rollup, "before": before})
        row = await cursor.fetchone()
        return row is not None and bool(row[0])
