"""`infrastructor db migrate` and `status`: the life of the database's schema."""

import json
from dataclasses import asdict

import click

from runtime.settings import PostgresSettings, load
from sinks.timescale import schema
from sinks.timescale.schema import SchemaStatus

_BEHIND = 1
"""Exit code of `status` when revisions are pending: a difference was found."""


@click.command(name="migrate")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def migrate(*, as_json: bool) -> None:
    """Create or update the tables; nothing happens when they are up to date."""
    done = schema.migrate(load(PostgresSettings))
    if as_json:
        click.echo(json.dumps({"applied": done.applied, "hypertables": done.hypertables, **_document(done.status)}))
        return
    for revision in done.applied:
        click.echo(f"applied {revision}")
    for table in done.hypertables:
        click.echo(f"{table} is a hypertable now")
    _tell(done.status)


@click.command(name="status")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def status(ctx: click.Context, *, as_json: bool) -> None:
    """Show revision, what is pending, and the tier; exit code 1 when something is pending."""
    found = schema.status(load(PostgresSettings))
    if as_json:
        click.echo(json.dumps(_document(found)))
    else:
        _tell(found)
    ctx.exit(0 if found.current else _BEHIND)


def _document(found: SchemaStatus) -> dict[str, object]:
    return asdict(found) | {"current": found.current}


def _tell(found: SchemaStatus) -> None:
    extension = f", TimescaleDB {found.timescaledb}" if found.timescaledb else ""
    click.echo(f"database  {found.database}")
    click.echo(f"server    PostgreSQL {found.postgresql}{extension} (tier {found.tier})")
    if found.current:
        click.echo(f"schema    revision {found.revision}, up to date")
    else:
        pending = ", ".join(found.pending)
        click.echo(f"schema    revision {found.revision or 'none'}; pending: {pending}; run `infrastructor db migrate`")
    for note in found.notes:
        click.echo(f"note      {note}")
