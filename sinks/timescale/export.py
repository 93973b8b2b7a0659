"""`db export`: a table and range of time as a Parquet file, in bounded memory.

Rows come through a cursor of the server, in one statement that sees one state of the database, and leave by row group.
Needs the extra `export` (pyarrow), which nothing else here does.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import sql
from psycopg.rows import tuple_row
from psycopg.types.string import TextLoader

from runtime.errors import InputInvalid
from sinks.timescale.inspection.asking import SQL
from sinks.timescale.tier import Connection

ROWS = 50_000
"""Rows of a group of the file, and of what is in memory at once."""

_TIME = "time"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to export: a table or view, from a time on (inclusive) up to another (exclusive), and where to."""

    table: str
    output: Path
    begin: datetime | None = None
    end: datetime | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    table: str
    output: str
    rows: int
    bytes: int
    seconds: float


def export(connection: Connection, wanted: Wanted, *, progress: Callable[[int], None] | None = None) -> Exported:
    """Write the file; it appears under its name once it is whole.

    Raises InputInvalid for what cannot be exported or written, psycopg.Error.
    """
    arrow = _arrow()
    if wanted.output.exists() and not wanted.overwrite:
        raise InputInvalid(f"{wanted.output} is there already: name another, or say --overwrite", operation="export")
    columns = connection.execute(SQL["columns"], {"table": wanted.table}).fetchall()
    if not columns:
        there = ", ".join(row[0] for row in connection.execute(SQL["relations"]).fetchall())
        raise InputInvalid(f"there is no table {wanted.table!r}; there are: {there}", operation="export")
    query, began = _query(wanted, [column[0] for column in columns]), time.monotonic()
    schema = arrow.schema([arrow.field(name, _type(arrow, kind)) for name, kind, _ in columns])
    part = wanted.output.with_name(f".{wanted.output.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            rows = _write(_batches(connection, query), file, schema, progress=progress)
        part.replace(wanted.output)
    except OSError as error:
        raise InputInvalid(f"cannot write {wanted.output}: {error.strerror or error}", operation="export") from error
    finally:
        part.unlink(missing_ok=True)
    size = wanted.output.stat().st_size
    return Exported(wanted.table, str(wanted.output), rows, size, time.monotonic() - began)


def _arrow() -> Any:
    try:
        import pyarrow  # noqa: PLC0415 - an extra
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError as error:
        raise InputInvalid(
            "Parquet files need pyarrow, which is not installed: pip install 'infrastructor[export]'",
            operation="export",
        ) from error
    return pyarrow


def _query(wanted: Wanted, columns: Sequence[str]) -> sql.Composed:
    parts: dict[str, sql.Composable] = {
        "columns": sql.SQL(", ").join(map(sql.Identifier, columns)),
        "table": sql.Identifier(wanted.table),
    }
    if wanted.begin is None and wanted.end is None:
        return sql.SQL(SQL["export_all"]).format(**parts)
    if _TIME not in columns:
        raise InputInvalid(f"{wanted.table} has no column {_TIME}: leave --from and --to out", operation="export")
    begin = sql.Literal("-infinity" if wanted.begin is None else wanted.begin)
    end = sql.Literal("infinity" if wanted.end is None else wanted.end)
    return sql.SQL(SQL["export_range"]).format(**parts, time=sql.Identifier(_TIME), begin=begin, end=end)


def _batches(connection: Connection, query: sql.Composed) -> Iterator[list[tuple[Any, ...]]]:
    with connection.transaction(), connection.cursor("export", row_factory=tuple_row) as cursor:
        # As texts, as they are stored: Parquet has no type of its own for them.
        for kind in ("json", "jsonb", "interval", "int8multirange"):
            cursor.adapters.register_loader(kind, TextLoader)
        cursor.itersize = ROWS
        cursor.execute(query)
        while batch := cursor.fetchmany(ROWS):
            yield batch


def _write(
    batches: Iterator[list[tuple[Any, ...]]],
    file: Any,
    schema: Any,
    *,
    progress: Callable[[int], None] | None,
) -> int:
    arrow, rows = _arrow(), 0
    as_text = [str(kind) in {"string", "list<item: string>"} for kind in schema.types]
    with arrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in batches:
            columns = [
                _texts(column) if text else column
                for column, text in zip(zip(*batch, strict=True), as_text, strict=True)
            ]
            arrays = [arrow.array(column, type=kind) for column, kind in zip(columns, schema.types, strict=True)]
            writer.write_batch(arrow.record_batch(arrays, schema=schema))
            rows += len(batch)
            if progress is not None:
                progress(rows)
    return rows


def _texts(column: Sequence[Any]) -> list[Any]:
    """UUIDs, addresses and the like as their texts, also inside lists."""
    return [
        value
        if value is None or isinstance(value, str)
        else [None if one is None else str(one) for one in value]
        if isinstance(value, list)
        else str(value)
        for value in column
    ]


_TYPES = {
    "timestamp with time zone": ("timestamp", "us", "UTC"),
    "smallint": ("int16",),
    "integer": ("int32",),
    "bigint": ("int64",),
    "double precision": ("float64",),
    "boolean": ("bool_",),
    "bytea": ("binary",),
}
"""PostgreSQL's types that Arrow has too: the function of pyarrow that makes it, and its arguments."""


def _type(arrow: Any, kind: str) -> Any:
    """PostgreSQL's type as Arrow's; what has none is text."""
    if kind.endswith("[]"):
        return arrow.list_(_type(arrow, kind.removesuffix("[]")))
    name, *arguments = _TYPES.get(kind, ("string",))
    return getattr(arrow, name)(*arguments)
