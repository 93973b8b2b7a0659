"""Rollups over what a backfill has touched, brought up to date at once.

Where the sink keeps the rollups itself, each batch has noted the minutes it touched, and the sink computes them. Where
TimescaleDB keeps them, its policies would find them within minutes or hours: here they are refreshed at once.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import LiteralString

import psycopg

from replay.backfill import Refresh
from runtime.clock import Clock
from runtime.postgres import connect, translated
from runtime.settings import PostgresSettings
from runtime.sql import load_statements
from sinks.timescale.tables import Connection, sink_statements

_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
_STRETCH_BUCKETS = 10_000
_TRIES = 10
_WAIT_S = 3.0


def window(
    low: datetime, high: datetime, step: timedelta, *, reach: timedelta | None, now: datetime
) -> tuple[datetime, datetime] | None:
    """The whole buckets around a range; None when there are none.

    Not further back than the policy of the rollup reaches: beyond, its source may be deleted already, and refreshed
    from nothing the rollup would be lost too.
    """
    begin = _ORIGIN + (low - _ORIGIN) // step * step
    end = _ORIGIN + ((high - _ORIGIN) // step + 1) * step
    if reach is not None:
        begin = max(begin, _ORIGIN - (_ORIGIN - (now - reach)) // step * step)
    return (begin, end) if begin < end else None


def parts(begin: datetime, end: datetime, step: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """A window in pieces, so that one refresh neither takes long nor much memory."""
    while begin < end:
        upto = min(end, begin + _STRETCH_BUCKETS * step)
        yield begin, upto
        begin = upto


def refreshing(settings: PostgresSettings, clock: Clock) -> Refresh:
    """What `Backfill` calls once it is whole; nothing to do where no rollup is TimescaleDB's."""
    sql = {**sink_statements(), **load_statements(Path(__file__).with_name("statements"))}

    async def refresh(low: datetime, high: datetime) -> None:
        connection = await connect(settings, "infrastructor-backfill", autocommit=True)
        try:
            with translated(settings, operation="refresh rollups"):
                rollups = await (await connection.execute(sql["extension_rollups"])).fetchall()
                reach = dict(await (await connection.execute(sql["refresh_policies"])).fetchall()) if rollups else {}
                for rollup, step in rollups:
                    # The newest buckets are still growing, and computed as they are asked for.
                    found = window(low, min(high, clock.now() - step), step, reach=reach.get(rollup), now=clock.now())
                    for begin, end in parts(*found, step) if found else ():
                        asked = {"rollup": rollup, "begin": begin, "end": end}
                        await _patiently(connection, sql["refresh_stretch"], asked)
        finally:
            await connection.close()

    return refresh


async def _patiently(connection: Connection, statement: LiteralString, asked: dict[str, object]) -> None:
    """Refresh; a policy that is at the same rollup just now is waited for."""
    for attempt in range(_TRIES):
        try:
            await connection.execute(statement, asked)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.ObjectInUse, psycopg.errors.DeadlockDetected):
            if attempt + 1 == _TRIES:
                raise
            await asyncio.sleep(_WAIT_S)
        else:
            return
