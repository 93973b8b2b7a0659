"""`infrastructor db info`: the connection and where each of its settings comes from, the server, the pool."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from runtime.postgres import masked_url
from runtime.settings import PostgresSettings, Value, load, provenance
from sinks.timescale.inspection.facts import Facts, facts

_IN_THE_URL = {"host", "port", "user", "password", "name"}


@click.command(name="info")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def info(*, as_json: bool) -> None:
    """Show the connection with the source of each setting (secrets masked), the server, this session and the pool."""
    settings = load(PostgresSettings)
    values = provenance(PostgresSettings)
    found = facts(settings)
    if as_json:
        click.echo(json.dumps(_document(settings, values, found), default=str))
    else:
        _tell(settings, values, found)


def _document(settings: PostgresSettings, values: Sequence[Value], found: Facts) -> dict[str, object]:
    shown = {value.variable: {"value": value.shown, "source": str(value.origin)} for value in values}
    pool = asdict(found.pool) | {"idle": found.pool.idle}
    return {"address": masked_url(settings), "settings": shown, **asdict(found), "pool": pool}


def _tell(settings: PostgresSettings, values: Sequence[Value], found: Facts) -> None:
    server, pool = found.server, found.pool
    click.echo(f"address   {masked_url(settings)}")
    for value in values:
        if value.shown and not (settings.url is not None and value.field in _IN_THE_URL):
            click.echo(f"          {value.variable}={value.shown}  ({value.origin})")
    extension = f", TimescaleDB {server.timescaledb}" if server.timescaledb else ""
    click.echo(f"server    PostgreSQL {server.postgresql}{extension} (tier {server.tier}) at {found.address}")
    click.echo(f"          {found.version}")
    standby = ", a standby" if found.standby else ""
    click.echo(f"          up since {found.started_at:%Y-%m-%d %H:%M:%S} UTC, {found.encoding}{standby}")
    click.echo(f"          {found.connections} of {found.most_connections} connections in use")
    rights = [name for name, so in (("superuser", found.superuser), ("may create roles", found.create_roles)) if so]
    member = [f"member of {', '.join(found.member_of)}"] if found.member_of else []
    click.echo(f"role      {', '.join([found.role, *rights, *member])}")
    click.echo(f"database  {found.database}, schema {found.schema}")
    click.echo(f"session   {'encrypted, ' + str(found.protocol) if found.encrypted else 'not encrypted'}")
    for name, setting in sorted(found.session.items()):
        click.echo(f"          {name}={setting}")
    click.echo(f"pool      {pool.open} open, {pool.in_use} in use, keeps {pool.size}, at most {pool.most}")
