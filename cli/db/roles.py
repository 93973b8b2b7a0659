"""`infrastructor db roles apply`: who may do what."""

import click

from cli.db.keeping import carry_out, plan_options
from runtime.settings import load
from sinks.timescale.roles.plan import plan_roles
from sinks.timescale.roles.settings import RoleSettings


@click.group(name="roles")
def roles() -> None:
    """Who may do what: owner, writer, reader, operator."""


@roles.command(name="apply")
@plan_options
def apply(*, dry_run: bool, database: str | None, as_json: bool) -> None:
    """Make the roles and let each do what it has to, and no more; nothing happens when it is so.

    Names and passwords come from INFRASTRUCTOR_ROLES__*, passwords best from files (..._PASSWORD_FILE). New roles and
    passwords need a superuser: INFRASTRUCTOR_DATABASE__USER=postgres infrastructor db roles apply --database NAME
    """
    settings = load(RoleSettings)
    carry_out(lambda connection: plan_roles(connection, settings), dry_run=dry_run, database=database, as_json=as_json)
