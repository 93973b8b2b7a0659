"""`infrastructor db stats` and `db chunks`: sizes, rates, compression, the slowest statements."""

import json
from collections.abc import Iterable
from dataclasses import asdict

import click

from cli.db.written import in_bytes, in_rows, table
from runtime.settings import PostgresSettings, load
from sinks.timescale.inspection import statistics
from sinks.timescale.inspection.statistics import Statistics, TableSize
from sinks.timescale.tier import Tier

_LARGEST = 15


@click.command(name="stats")
@click.option(
    "--interval",
    "interval_s",
    type=click.FloatRange(0.1, 3600),
    default=2.0,
    show_default=True,
    help="Seconds over which rates are measured.",
)
@click.option("--exact", is_flag=True, help="Count the samples, which reads all of them.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, every table in it.")
def stats(*, interval_s: float, exact: bool, as_json: bool) -> None:
    """Show sizes, rows, compression, rates and cache hits by table, and the statements that took most of the time."""
    found = statistics.statistics(load(PostgresSettings), interval_s=interval_s, exact=exact)
    if as_json:
        click.echo(json.dumps(_document(found)))
    else:
        _tell(found)


def _document(found: Statistics) -> dict[str, object]:
    tables = [
        asdict(one)
        | {"bytes_a_row": one.bytes_a_row}
        | ({"compression": asdict(one.compression) | {"ratio": one.compression.ratio}} if one.compression else {})
        for one in found.tables
    ]
    return asdict(found) | {"tables": tables, "bytes_a_sample": found.bytes_a_sample}


def _tell(found: Statistics) -> None:
    hit = f", {found.cache_hit:.1%} of blocks found in the cache" if found.cache_hit is not None else ""
    click.echo(f"{found.database} ({found.tier}): {in_bytes(found.total_bytes)}{hit}")
    about = "" if found.samples_exact else "about "
    if found.bytes_a_sample is not None:
        click.echo(f"samples: {about}{in_rows(found.samples)}, {found.bytes_a_sample:.1f} bytes a sample")
    click.echo()
    head = ("table", "size", "indexes", "rows", "bytes a row", "chunks", "compressed", "cache")
    table(head, (_line(one) for one in found.tables[:_LARGEST]))
    if len(found.tables) > _LARGEST:
        rest = found.tables[_LARGEST:]
        click.echo(f"and {len(rest)} more, {in_bytes(sum(one.total_bytes for one in rest))} in all")
    click.echo(f"\nrows a second over {found.interval_s:.1f} s")
    rates = ((one.name, f"{one.inserted:.1f}", f"{one.updated:.1f}", f"{one.deleted:.1f}") for one in found.rates)
    table(("table", "inserted", "updated", "deleted"), rates)
    click.echo("\nevents stored that were appended in the last five minutes")
    table(
        ("topic", "a second", "newest"),
        ((one.topic, f"{one.events_a_second:.2f}", f"{one.newest_s:.1f} s ago") for one in found.stored),
    )
    if found.slowest:
        click.echo("\nstatements that took most of the time")
        table(
            ("calls", "total", "mean", "most", "statement"),
            (
                (
                    str(one.calls),
                    f"{one.total_ms / 1000:.1f} s",
                    f"{one.mean_ms:.1f} ms",
                    f"{one.max_ms:.1f} ms",
                    " ".join(one.text.split())[:100],
                )
                for one in found.slowest
            ),
        )
    for note in found.notes:
        click.echo(f"note      {note}")


def _line(one: TableSize) -> tuple[str, ...]:
    kept = f"{one.compression.chunks} ({one.compression.ratio:.1f} times smaller)" if one.compression else ""
    return (
        one.name,
        in_bytes(one.total_bytes),
        in_bytes(one.index_bytes),
        in_rows(one.rows),
        f"{one.bytes_a_row:.1f}" if one.bytes_a_row is not None else "",
        "" if one.chunks is None else str(one.chunks),
        kept,
        f"{one.cache_hit:.1%}" if one.cache_hit is not None else "",
    )


@click.command(name="chunks")
@click.argument("of", metavar="[TABLE]", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def chunks(of: str | None, *, as_json: bool) -> None:
    """List the chunks of the hypertables, or of one: their time, size, rows, and whether they are compressed."""
    tier, found = statistics.chunks(load(PostgresSettings), table=of)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], default=str))
        return
    if not found:
        why = "plain PostgreSQL has none" if tier is Tier.PLAIN else f"none{f' of {of}' if of else ''} yet"
        click.echo(f"chunks: {why}")
        return
    lines: Iterable[tuple[str, ...]] = (
        (
            one.table,
            one.name,
            f"{one.begin:%Y-%m-%d %H:%M}",
            f"{one.end:%Y-%m-%d %H:%M}",
            in_bytes(one.total_bytes),
            in_rows(one.rows),
            "compressed" if one.compressed else "",
        )
        for one in found
    )
    table(("table", "chunk", "from (UTC)", "up to", "size", "rows", ""), lines)
