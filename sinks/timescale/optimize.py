"""`db optimize` as a plan: dead rows given back, statistics refreshed, bloated indexes made anew, late rows compressed.

Nothing is done that the figures do not call for, so that it does nothing when run again.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from sinks.timescale import tier
from sinks.timescale.inspection.asking import SQL
from sinks.timescale.keeping import Plan, Step
from sinks.timescale.tier import Connection, Tier

DEAD_LEAST = 1_000
DEAD_SHARE = 0.1
CHANGED_SHARE = 0.1
BLOATED_LEAST = 32 << 20
BLOATED_TIMES = 2.0
RECOMPRESS_LEAST = 1 << 20
"""Bytes of late rows in a compressed chunk that are worth a lock on it."""


@dataclass(frozen=True, slots=True)
class Index:
    """A btree: how large it is, and how large it would be if it were written now."""

    schema: str
    name: str
    table: str
    valid: bool
    size: int
    entries: float
    key_width: int | None

    @property
    def expected(self) -> float | None:
        """Bytes when it is new: header and key of each entry on a boundary of 8, its line pointer, pages 90% full.

        Source: PostgreSQL, access/itup.h (IndexTupleData, 8 bytes), storage/itemid.h (4 bytes), btree's fillfactor.
        None when the columns' widths are not known.
        """
        if self.key_width is None:
            return None
        return self.entries * (8 + -(-self.key_width // 8) * 8 + 4) / 0.9 + 2 * 8192

    @property
    def bloated(self) -> bool:
        """Whether writing it anew would halve it, and it is large enough to matter."""
        return self.expected is not None and self.size >= BLOATED_LEAST and self.size > BLOATED_TIMES * self.expected


def plan_optimize(connection: Connection) -> Plan:
    """What is worth doing now. Raises psycopg.Error."""
    found = tier.server(connection).tier
    row = connection.execute(tier.SQL["connected_database"]).fetchone()
    notes: list[str] = []
    late = list(_late(connection, notes)) if found is Tier.COMMUNITY else []
    steps = (*late, *_tables(connection), *_indexes(connection))
    guarded = "this locks or rewrites indexes and chunks"
    return Plan(str(row[0]) if row else "", found, steps, tuple(notes), guarded=guarded)


def _tables(connection: Connection) -> Iterator[Step]:
    for schema, table, live, dead, changed, analyzed, parent in connection.execute(SQL["upkeep_of_tables"]).fetchall():
        name = f"{table} of {parent}" if parent else table
        if dead >= DEAD_LEAST and dead > DEAD_SHARE * (live + dead):
            why = f"{name}: {dead} dead rows beside {live}"
            yield Step(_written(connection, "vacuum", schema=schema, table=table), why)
        elif changed > max(DEAD_LEAST, CHANGED_SHARE * live) or (not analyzed and (live or parent)):
            why = f"{name}: {changed} rows changed since it was analyzed" if analyzed else f"{name}: never analyzed"
            yield Step(_written(connection, "analyze", schema=schema, table=table), why)


def _indexes(connection: Connection) -> Iterator[Step]:
    for row in connection.execute(SQL["indexes"]).fetchall():
        index = Index(*row)
        if not index.valid and index.name.endswith(("_ccnew", "_ccold")):
            statement, why = "drop_invalid", "left of an attempt to write it anew"
        elif not index.valid:
            statement, why = "reindex", "invalid, no query uses it"
        elif index.bloated:
            statement = "reindex"
            why = f"{index.size >> 20} MiB where {int(index.expected or 0) >> 20} MiB would do"
        else:
            continue
        text = _written(connection, statement, schema=index.schema, index=index.name)
        yield Step(text, f"{index.name} of {index.table}: {why}", destructive=True, can_wait=True)


def _late(connection: Connection, notes: list[str]) -> Iterator[Step]:
    for schema, chunk, table, size, owned in connection.execute(SQL["half_compressed"]).fetchall():
        if size < RECOMPRESS_LEAST:
            continue
        if not owned:
            notes.append(f"{chunk} of {table}: {size >> 10} KiB came late; only its owner may compress it again")
            continue
        name = sql.Literal(sql.Identifier(schema, chunk).as_string(connection))
        text = _written(connection, "recompress", schema=schema, chunk=chunk, name=name)
        why = f"{chunk} of {table}: {size >> 10} KiB came late, after it was compressed"
        yield Step(text, why, destructive=True, can_wait=True)
        # What moved into the compressed part lies there dead.
        yield Step(_written(connection, "vacuum", schema=schema, table=chunk), f"{chunk} of {table}: what has moved")


def _written(connection: Connection, statement: str, **parts: str | sql.Composable) -> str:
    composed = {name: sql.Identifier(part) if isinstance(part, str) else part for name, part in parts.items()}
    return sql.SQL(SQL[statement]).format(**composed).as_string(connection)
