"""`infrastructor collectors`: what there is to look at, how, how often, and what comes of it."""

import json
import re
import shlex
from datetime import timedelta
from pathlib import Path

import click

import collectors as package
from collectors.catalog import COLLECTORS, Planned, named_look, planned_looks
from collectors.request import Chain, FileSet
from collectors.settings import AgentSettings
from runtime.durations import written
from runtime.settings import load

_EXAMPLE = re.compile(r"^```(?:json)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXAMPLE_FILE = re.compile(r"`(schemas/examples/[a-z0-9_.]+\.json)`")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("collectors")
def collectors() -> None:
    """Show the collectors: what each runs, how often, and what it emits."""


@collectors.command("list")
@as_json
def list_command(*, as_json: bool) -> None:
    """List every collector, those that are off too."""
    settings = load(AgentSettings)
    on = {planned.look.name for planned in planned_looks(settings)}
    found = [as_data(named_look(one.name, settings), is_on=one.name in on) for one in COLLECTORS]
    if as_json:
        click.echo(json.dumps({"collectors": found}))
        return
    rows: list[tuple[str, ...]] = [("NAME", "CATEGORY", "EVERY", "FRESH", "TIMEOUT", "RETRIES", "SUDO", "PROGRAMS")]
    rows += [_row(one) for one in found]
    for line in aligned(rows):
        click.echo(line)


@collectors.command("show")
@click.argument("name")
@as_json
def show_command(name: str, *, as_json: bool) -> None:
    """Show one collector: its command, its limits, its contract, and an example of what it emits."""
    settings = load(AgentSettings)
    planned = named_look(name, settings)
    data = as_data(planned, is_on=name in {one.look.name for one in planned_looks(settings)})
    contract = contract_of(planned)
    example = example_in(contract)
    if as_json:
        click.echo(json.dumps(data | {"contract": str(contract), "example": example}))
        return
    for line in aligned([(key.replace("_", " "), _shown(key, value)) for key, value in data.items()]):
        click.echo(line)
    click.echo(f"contract  {contract}")
    if example:
        click.echo(f"\nWhat it emits, for example:\n{example}")


def as_data(planned: Planned, *, is_on: bool) -> dict[str, object]:
    """Return a line of the registry as plain data; times in seconds."""
    look = planned.look
    asks = look.request
    return {
        "name": look.name,
        "category": look.category,
        "on": is_on,
        "interval_seconds": planned.interval_s,
        "freshness_seconds": look.cache_ttl_s,
        "timeout_seconds": look.timeout_s,
        "retries": look.retries,
        "programs": list(look.programs),
        "sudo": list(look.sudo),
        "command": list(look.argv),
        "asks_more": isinstance(asks, Chain),
        "files": list(asks.patterns) if isinstance(asks, FileSet) else [],
        "command_hash": look.hash,
    }


def contract_of(planned: Planned) -> Path:
    """Return the README that is a collector's contract: that of the folder which its parser is in."""
    parser = planned.look.parse
    module = getattr(parser, "func", parser).__module__
    return Path(package.__file__).parent / module.split(".")[1] / "README.md"


def example_in(contract: Path) -> str:
    """Return the first example in a contract, or the one it refers to; '' when it has none, or is not installed."""
    try:
        text = contract.read_text(encoding="utf-8")
        if (here := _EXAMPLE.search(text)) is not None:
            return here[1].rstrip()
        there = _EXAMPLE_FILE.search(text)
        return (contract.parents[2] / there[1]).read_text(encoding="utf-8").rstrip() if there is not None else ""
    except FileNotFoundError:
        return ""


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Return rows as lines with columns below one another."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(one: dict[str, object]) -> tuple[str, ...]:
    every = _seconds(one["interval_seconds"]) if one["on"] else "off"
    programs = one["programs"]
    return (
        str(one["name"]),
        str(one["category"]),
        every,
        _seconds(one["freshness_seconds"]),
        _seconds(one["timeout_seconds"]),
        str(one["retries"]),
        "yes" if one["sudo"] else "-",
        " ".join(programs) if isinstance(programs, list) else "",
    )


def _shown(key: str, value: object) -> str:
    if key == "command" and isinstance(value, list):
        return shlex.join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(value) or "-"
    return str(value)


def _seconds(value: object) -> str:
    return written(timedelta(seconds=value)) if isinstance(value, int | float) else "-"
