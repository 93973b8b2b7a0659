"""`infrastructor db check`: what is wrong with the database, or will hurt."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import click

from runtime.settings import PostgresSettings, load
from sinks.timescale.inspection.check import check as look
from sinks.timescale.inspection.findings import Finding, Level, worst

EXIT = {Level.OK: 0, Level.WARN: 1, Level.FAIL: 69}
"""Exit codes: a difference was found; the database cannot be used as it is."""

_COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}
_MOST_ALIKE = 8


@click.command(name="check")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with everything that was found.")
@click.pass_context
def check(ctx: click.Context, *, as_json: bool) -> None:
    """Look at connection, version, settings, pool, locks, bloat, replication, clock and schema.

    Exit code 0: all is well; 1: something will hurt; 69: events are not stored, or may be lost.
    """
    found = look(load(PostgresSettings))
    level = worst(found)
    if as_json:
        click.echo(json.dumps({"level": level, "findings": [asdict(finding) for finding in found]}))
    else:
        _tell(found)
    ctx.exit(EXIT[level])


def _tell(found: Sequence[Finding]) -> None:
    told: Counter[str] = Counter()
    for finding in found:
        told[finding.name] += 1
        if told[finding.name] > _MOST_ALIKE:
            continue
        click.echo(f"{click.style(f'{finding.level:4}', fg=_COLOURS[finding.level])}  {finding.name:13} {finding.told}")
        if finding.advice:
            click.echo(f"{'':6}{'':13}  {finding.advice}")
    for name, times in told.items():
        if times > _MOST_ALIKE:
            click.echo(f"and {times - _MOST_ALIKE} more of {name}: --json shows all")
