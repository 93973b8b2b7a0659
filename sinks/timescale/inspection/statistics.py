"""`db stats` and `db chunks`: how large things are, how fast they grow, what is slow."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import DBAPIError

from runtime.errors import InputInvalid
from runtime.settings import PostgresSettings
from sinks.timescale.inspection.asking import Asking, asking
from sinks.timescale.keeping import require_revision
from sinks.timescale.tier import Tier

SAMPLES = "metric_samples"
_SLOWEST = 10


@dataclass(frozen=True, slots=True)
class Compression:
    """What compression made of the chunks that are compressed, bytes."""

    chunks: int
    before_bytes: int
    after_bytes: int

    @property
    def ratio(self) -> float:
        """How many times smaller."""
        return self.before_bytes / self.after_bytes if self.after_bytes else 0.0


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table, hypertable or rollup: bytes, rows as the planner estimates them, chunks and their compression."""

    name: str
    heap_bytes: int
    index_bytes: int
    total_bytes: int
    rows: int
    chunks: int | None = None
    unknown_chunks: int = 0
    compression: Compression | None = None
    cache_hit: float | None = None

    @property
    def bytes_a_row(self) -> float | None:
        """None while it is empty, or the rows of some chunks are not known."""
        return self.total_bytes / self.rows if self.rows and not self.unknown_chunks else None


@dataclass(frozen=True, slots=True)
class Rate:
    """Rows a second that were written to a table over the interval."""

    name: str
    inserted: float
    updated: float
    deleted: float


@dataclass(frozen=True, slots=True)
class Stored:
    """Events of a topic appended in the last five minutes: a second, and how many seconds ago the newest was."""

    topic: str
    events_a_second: float
    newest_s: float


@dataclass(frozen=True, slots=True)
class Slow:
    """One of the statements that took most of the time; milliseconds."""

    calls: int
    total_ms: float
    mean_ms: float
    max_ms: float
    rows: int
    text: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """Everything that `db stats` shows."""

    database: str
    tier: Tier
    total_bytes: int
    cache_hit: float | None
    tables: tuple[TableSize, ...]
    samples: int
    samples_exact: bool
    interval_s: float
    rates: tuple[Rate, ...]
    stored: tuple[Stored, ...]
    slowest: tuple[Slow, ...]
    notes: tuple[str, ...]

    @property
    def bytes_a_sample(self) -> float | None:
        """Everything that `metric_samples` takes, indexes included, by its samples; None without any, or not known."""
        for table in self.tables:
            if table.name == SAMPLES:
                exactly = table.total_bytes / self.samples if self.samples else None
                return exactly if self.samples_exact else table.bytes_a_row
        return None


def statistics(settings: PostgresSettings, *, interval_s: float, exact: bool) -> Statistics:
    """Ask for everything; takes at least `interval_s`. `exact` counts the samples, which reads all of them.

    Raises DatabaseUnavailable, DatabaseRefused, SchemaOutdated.
    """
    with asking(settings, operation="stats") as asked:
        require_revision(asked.driver, operation="stats")
        began, first = time.monotonic(), _written(asked)
        total, hit, read, _ = asked.row("database_size")
        tables = _tables(asked)
        estimate = next((table.rows for table in tables if table.name == SAMPLES), 0)
        samples = asked.row("exact_count")[0] if exact else estimate
        stored = [Stored(topic, count / 300, newest) for topic, count, newest in asked.rows("stored_recently")]
        slowest, notes = _slowest(asked)
        time.sleep(max(0.0, interval_s - (time.monotonic() - began)))
        took = time.monotonic() - began
        return Statistics(
            database=str(asked.row("server_facts")[6]),
            tier=asked.server.tier,
            total_bytes=total,
            cache_hit=_share(hit, read),
            tables=tables,
            samples=samples,
            samples_exact=exact,
            interval_s=took,
            rates=_rates(first, _written(asked), took),
            stored=tuple(stored),
            slowest=slowest,
            notes=(*notes, *(_unknown(table) for table in tables if table.unknown_chunks)),
        )


def _tables(asked: Asking) -> tuple[TableSize, ...]:
    """Largest first."""
    caches = {name: _share(hit, read) for name, hit, read in asked.rows("cache_by_table")}
    sizes = [(*row, None, 0) for row in asked.rows("table_sizes")]
    compressed: dict[str, Compression] = {}
    if asked.server.tier is not Tier.PLAIN:
        chunked = asked.rows("hypertable_sizes")
        names = {row[0] for row in chunked}
        sizes = [*(row for row in sizes if row[0] not in names), *chunked]
    if asked.server.tier is Tier.COMMUNITY:
        compressed = {row[0]: Compression(*row[1:]) for row in asked.rows("compression")}
    tables = [
        TableSize(name, heap, indexes, total, rows, count, unknown, compressed.get(name), caches.get(name))
        for name, heap, indexes, total, rows, count, unknown in sizes
    ]
    return tuple(sorted(tables, key=lambda table: table.total_bytes, reverse=True))


def _unknown(table: TableSize) -> str:
    left = f"the rows of {table.unknown_chunks} chunks are not counted in, they were not analyzed yet"
    return f"{table.name}: {left}: run `infrastructor db optimize`, or ask for --exact"


def _share(hit: int, read: int) -> float | None:
    return hit / (hit + read) if hit + read else None


Written = Mapping[str, tuple[int, int, int]]


def _written(asked: Asking) -> Written:
    return {name: (inserted, updated, deleted) for name, inserted, updated, deleted in asked.rows("written_rows")}


def _rates(first: Written, second: Written, took_s: float) -> tuple[Rate, ...]:
    """Tables that were written to, the fastest first. The server counts what committed a second or so ago."""
    none = (0, 0, 0)
    rates = [
        # Less than before: a chunk was dropped, and its counts with it.
        Rate(name, *(max(0, now - before) / took_s for now, before in zip(counts, first.get(name, none), strict=True)))
        for name, counts in second.items()
    ]
    busy = [rate for rate in rates if rate.inserted or rate.updated or rate.deleted]
    return tuple(sorted(busy, key=lambda rate: rate.inserted + rate.updated, reverse=True))


def _slowest(asked: Asking) -> tuple[tuple[Slow, ...], tuple[str, ...]]:
    if not asked.rows("statement_statistics"):
        return (), ("slowest statements: CREATE EXTENSION pg_stat_statements, and load it, to see them",)
    try:
        return tuple(Slow(*row) for row in asked.rows("slowest", most=_SLOWEST)), ()
    except DBAPIError as error:
        # Not loaded (55000), or not for this role (42501).
        return (), (f"slowest statements: {str(error.orig).splitlines()[0]}",)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: of which table, over which time, its bytes and rows (estimated)."""

    table: str
    schema: str
    name: str
    begin: datetime
    end: datetime
    compressed: bool
    total_bytes: int
    rows: int


def chunks(settings: PostgresSettings, *, table: str | None = None) -> tuple[Tier, tuple[Chunk, ...]]:
    """The tier, and the chunks of one table or of all, in time. Raises as `statistics`; InputInvalid: no such table."""
    with asking(settings, operation="chunks") as asked:
        require_revision(asked.driver, operation="chunks")
        if table is not None and not asked.row("relation_known", table=table)[0]:
            raise InputInvalid(
                f"there is no table {table!r}: `infrastructor db chunks` without a name lists those that have chunks",
                operation="chunks",
            )
        if asked.server.tier is Tier.PLAIN:
            return asked.server.tier, ()
        return asked.server.tier, tuple(Chunk(*row) for row in asked.rows("chunks", table=table))
