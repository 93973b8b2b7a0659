"""The rows of a transaction, in the order in which every writer writes them: COPY, or a merge by key, then the upserts.

Used by the writer of the live sink and by replay: whoever writes takes locks in the same order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import orjson
import psycopg

from runtime.sql import Statements, load_statements
from schemas.metric_look import MetricLook
from sinks.timescale.batch import Item
from sinks.timescale.binary import EventPacker, micros, pieces
from sinks.timescale.packed import Packed, pack, rows_of
from sinks.timescale.series import SeriesCache, layout_of

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

_SERIES_TRIES = 5


@dataclass(frozen=True, slots=True)
class Stored:
    """What a transaction stored: rows by table, samples that another event had claimed, and whether it was merged."""

    rows: Mapping[str, int]
    conflicts: int = 0
    merged: bool = False


def sink_statements() -> Statements:
    """The statements of this sink, by name."""
    return load_statements(Path(__file__).with_name("statements"))


class Tables:
    """Writes packed rows into an open transaction; the caller commits. Remembers series ids once it is told to."""

    def __init__(self, sql: Mapping[str, LiteralString]) -> None:
        self._sql = sql
        self._packer = EventPacker()
        self.series = SeriesCache()

    def packed(self, items: Sequence[Item]) -> Packed | None:
        """The items packed ahead; None when a series has to be asked for, which `pack` then does."""
        rows = rows_of(items)
        layouts = self.series.known(rows.looks)
        return None if layouts is None else pack(rows, layouts, packer=self._packer, forgotten=self.series.forgotten)

    def usable(self, ready: Packed | None) -> Packed | None:
        """What was packed ahead; None when series were forgotten since: another server may have given other ids."""
        return ready if ready is not None and ready.forgotten == self.series.forgotten else None

    def committed(self, packed: Packed) -> None:
        """Remember the series that were asked for: what is told here must be committed."""
        self.series.learn(packed.looks, packed.layouts, packed.answer)

    async def pack(self, connection: Connection, items: Sequence[Item]) -> Packed:
        """The items packed, series that are not known asked for and made. Raises Unpackable, psycopg.Error."""
        rows = rows_of(items)
        answer = await self._resolve(connection, rows.looks)
        return pack(rows, self.series.completed(rows.looks, answer), packer=self._packer, answer=answer)

    async def _resolve(self, connection: Connection, looks: Sequence[MetricLook]) -> dict[UUID, int]:
        wanted = self.series.missing(looks)
        answer: dict[UUID, int] = {}
        for _ in range(_SERIES_TRIES):
            left = [row for row in wanted if row.identity not in answer]
            if not left:
                break
            cursor = await connection.execute(self._sql["resolve_series"], {"rows": orjson.dumps(left).decode()})
            answer.update(dict(await cursor.fetchall()))
        return answer

    async def copy(self, connection: Connection, packed: Packed) -> Stored:
        """Insert rows that are new; raises psycopg.errors.UniqueViolation when one is not."""
        await self._stream(connection, "copy_events", packed.events, packed.event_rows)
        await self._stream(connection, "copy_collections", packed.collections, packed.collection_rows)
        await self._stream(connection, "copy_samples", packed.samples, packed.sample_rows)
        counts = {"events": packed.event_rows, "collections": packed.collection_rows}
        return Stored({**counts, "metric_samples": packed.sample_rows})

    async def merge(self, connection: Connection, packed: Packed) -> Stored:
        """Insert what is not there, by key. Once a transaction. Raises psycopg.Error."""
        new, collections = await self._merge_register(connection, packed)
        return await self._merge_samples(connection, packed, new=new, collections=collections)

    async def restore(self, connection: Connection, packed: Packed) -> Stored:
        """As `merge`, at the speed of `copy` where all samples are missing: tried first, undone when one is there."""
        new, collections = await self._merge_register(connection, packed)
        try:
            async with connection.transaction():
                await self._stream(connection, "copy_samples", packed.samples, packed.sample_rows)
        except psycopg.errors.UniqueViolation:
            return await self._merge_samples(connection, packed, new=new, collections=collections)
        counts = {"events": len(new), "collections": collections}
        return Stored({**counts, "metric_samples": packed.sample_rows})

    async def _merge_register(self, connection: Connection, packed: Packed) -> tuple[set[UUID], int]:
        """Merge events and collections; the ids that were new, and how many collections were."""
        for name in ("make_staged_events", "make_staged_collections"):
            await connection.execute(self._sql[name])
        await self._stream(connection, "stage_events", packed.events, packed.event_rows)
        await self._stream(connection, "stage_collections", packed.collections, packed.collection_rows)
        cursor = await connection.execute(self._sql["merge_events"])
        new = {row[0] for row in await cursor.fetchall()}
        collections = await connection.execute(self._sql["merge_collections"])
        return new, collections.rowcount

    async def _merge_samples(
        self, connection: Connection, packed: Packed, *, new: set[UUID], collections: int
    ) -> Stored:
        await connection.execute(self._sql["make_staged_samples"])
        await self._stream(connection, "stage_samples", packed.staged(), packed.sample_rows)
        cursor = await connection.execute(self._sql["merge_samples"])
        inserted = set(await cursor.fetchall())
        claimed, conflicts = _claimed(packed, new, inserted), 0
        if claimed:
            told = {"rows": orjson.dumps(claimed).decode()}
            conflicts = (await connection.execute(self._sql["record_conflicts"], told)).rowcount
        counts = {"events": len(new), "collections": collections, "metric_samples": len(inserted)}
        return Stored(counts, conflicts=conflicts, merged=True)

    async def _stream(self, connection: Connection, name: str, body: bytes | bytearray, rows: int) -> None:
        if not rows:
            return
        async with connection.cursor() as cursor, cursor.copy(self._sql[name]) as copy:
            for piece in pieces(body):
                await copy.write(piece)

    async def upsert(self, connection: Connection, packed: Packed) -> dict[str, int]:
        """Run the upserts; by statement, how many rows it changed. Raises psycopg.Error."""
        return {
            name: (await connection.execute(self._sql[name], {"rows": rows.decode()})).rowcount
            for name, rows in packed.upserts
        }


def _claimed(packed: Packed, new: set[UUID], inserted: set[tuple[int, datetime]]) -> list[dict[str, object]]:
    """The samples of new events whose key was there already. Looks come in the order of the log: the first has it."""
    free = {(series, micros(time)) for series, time in inserted}
    found: list[dict[str, object]] = []
    for look in packed.looks:
        at = micros(look.time)
        for series, value in zip(packed.layouts[layout_of(look)], look.values, strict=True):
            if (series, at) in free:
                free.discard((series, at))
            elif look.id in new:
                found.append({"event_id": look.id, "series_id": series, "time": look.time, "value": value})
    return found
