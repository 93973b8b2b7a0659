"""`infrastructor db export`: a table and range of time as a Parquet file."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.db.written import in_bytes, in_rows
from replay.window import moment_ms
from runtime.settings import PostgresSettings, load
from sinks.timescale import export as exporting
from sinks.timescale import keeping
from sinks.timescale.export import Wanted


@click.command(name="export")
@click.argument("table")
@click.option("--from", "begin", help="Rows from a time on: with its zone (2026-11-20T12:00:00Z), or an age (2h, 7d).")
@click.option("--to", "end", help="Rows before a time.")
@click.option("--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def export(table: str, *, begin: str | None, end: str | None, output: Path, overwrite: bool, as_json: bool) -> None:
    """Write a table, view or rollup, or a range of time of it, to a Parquet file.

    Times stay times with zone UTC, numbers numbers, UUIDs and JSON become text. The rows are those of one moment, and
    never all in memory.
    """
    wanted = Wanted(table, output, _moment(begin, "--from"), _moment(end, "--to"), overwrite)
    with keeping.connected(load(PostgresSettings), operation="export") as connection:
        done = exporting.export(connection, wanted)
    if as_json:
        click.echo(json.dumps(asdict(done)))
    else:
        rate = f", {in_rows(round(done.rows / done.seconds))} a second" if done.seconds else ""
        click.echo(f"{done.output}: {in_rows(done.rows)} rows of {done.table}, {in_bytes(done.bytes)}{rate}")


def _moment(given: str | None, option: str) -> datetime | None:
    if given is None:
        return None
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    return datetime.fromtimestamp(moment_ms(given, option, now_ms=now_ms) / 1000, UTC)
