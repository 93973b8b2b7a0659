"""`infrastructor db hypertables create`, `compression apply`, `retention apply`: how the tables are kept."""

import json
from collections.abc import Callable
from dataclasses import replace

import click

from runtime.settings import PostgresSettings, load
from sinks.timescale import keeping
from sinks.timescale.keeping import Plan, Planner
from sinks.timescale.retention_settings import RetentionSettings
from sinks.timescale.tier import Connection


@click.group(name="hypertables")
def hypertables() -> None:
    """First: tables that grow become hypertables."""


@click.group(name="compression")
def compression() -> None:
    """Second: full chunks are compressed."""


@click.group(name="retention")
def retention() -> None:
    """Third: what is too old is deleted."""


def plan_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that carries out a plan."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object."),
        click.option("--database", metavar="NAME", help="The database that is meant; required where rows go."),
        click.option("--dry-run", is_flag=True, help="Print the statements, run none."),
    ):
        command = option(command)
    return command


@hypertables.command(name="create")
@plan_options
def create(*, dry_run: bool, database: str | None, as_json: bool) -> None:
    """Turn the growing tables into hypertables; tables with rows are rewritten under a lock (stop the sink)."""
    _run(keeping.plan_hypertables, dry_run=dry_run, database=database, as_json=as_json)


@compression.command(name="apply")
@plan_options
def compress(*, dry_run: bool, database: str | None, as_json: bool) -> None:
    """Have chunks compressed once, when they are full."""
    _run(keeping.plan_compression, dry_run=dry_run, database=database, as_json=as_json)


@retention.command(name="apply")
@plan_options
def retain(*, dry_run: bool, database: str | None, as_json: bool) -> None:
    """Have rows deleted that are older than INFRASTRUCTOR_RETENTION__* say."""
    _run(keeping.plan_retention, dry_run=dry_run, database=database, as_json=as_json)


def _run(planner: Planner, *, dry_run: bool, database: str | None, as_json: bool) -> None:
    retention = load(RetentionSettings)
    carry_out(lambda connection: planner(connection, retention), dry_run=dry_run, database=database, as_json=as_json)


def carry_out(planner: Callable[[Connection], Plan], *, dry_run: bool, database: str | None, as_json: bool) -> None:
    """Plan, run unless it is a dry run, and tell."""
    with keeping.connected(load(PostgresSettings)) as connection:
        plan = planner(connection)
        left = () if dry_run else keeping.apply(connection, plan, named=database)
    plan = replace(plan, notes=(*plan.notes, *left))
    if as_json:
        click.echo(json.dumps(_document(plan, dry_run=dry_run)))
    else:
        _tell(plan, dry_run=dry_run)


def _document(plan: Plan, *, dry_run: bool) -> dict[str, object]:
    steps = [
        {"statement": step.shown or step.text, "why": step.why, "destructive": step.destructive} for step in plan.steps
    ]
    done = {"database": plan.database, "tier": plan.tier, "dry_run": dry_run}
    return {**done, "steps": steps, "notes": list(plan.notes)}


def _tell(plan: Plan, *, dry_run: bool) -> None:
    for step in plan.steps:
        if dry_run:
            click.echo(f"-- {step.why}\n{step.shown or step.text};\n")
        else:
            click.echo(step.why)
    if not plan.steps:
        click.echo(f"{plan.database}: nothing to do")
    for note in plan.notes:
        click.echo(f"note      {note}")
