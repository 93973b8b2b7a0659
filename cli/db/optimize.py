"""`infrastructor db optimize`: what the figures call for, and no more."""

import click

from cli.db.keeping import carry_out, plan_options
from sinks.timescale.optimize import plan_optimize


@click.command(name="optimize")
@plan_options
def optimize(*, dry_run: bool, database: str | None, as_json: bool) -> None:
    """Give back dead rows, refresh statistics, write bloated indexes anew, compress again what came late.

    Beside readers and writers: indexes are written anew beside the old ones. A chunk that is compressed again is locked
    first, for 3 s or so with 7 million rows; one that is in use for longer than 5 s is left for another time. What
    rewrites must name the database.
    """
    carry_out(plan_optimize, dry_run=dry_run, database=database, as_json=as_json)
