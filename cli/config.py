"""`infrastructor config`: the settings in force, where each came from, and all that is wrong with them."""

import json
from collections.abc import Iterable

import click

from cli.operators.settings import OperatorSettings
from collectors.settings import AgentSettings
from collectors.ssh.settings import SshSettings
from deploy.local.settings import CacheSettings, LocalSettings
from runtime.errors import SettingsInvalid
from runtime.settings import (
    Concern,
    DataSettings,
    HttpSettings,
    KafkaSettings,
    LogSettings,
    PostgresSettings,
    Problem,
    ProcessSettings,
    Value,
    World,
    check,
    provenance,
    unknown_variables,
)
from sinks.gotify.settings import GotifySettings
from sinks.settings import SinkSettings
from sinks.timescale.retention_settings import RetentionSettings
from sinks.timescale.roles.settings import RoleSettings
from sinks.webhook.settings import WebhookSettings
from streams.settings import StreamsSettings

CONCERNS: tuple[type[Concern], ...] = (
    DataSettings,
    KafkaSettings,
    PostgresSettings,
    LogSettings,
    HttpSettings,
    ProcessSettings,
    AgentSettings,
    SshSettings,
    StreamsSettings,
    SinkSettings,
    RetentionSettings,
    RoleSettings,
    GotifySettings,
    WebhookSettings,
    OperatorSettings,
    LocalSettings,
    CacheSettings,
)
"""Every concern of the settings; a package that has one adds its line."""


@click.group()
def config() -> None:
    """Show and check the settings."""


@config.command("show")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, by variable.")
def show_command(*, as_json: bool) -> None:
    """Show every setting, its value (secrets masked) and where the value came from."""
    world = World.here()
    shown = [(concern, provenance(concern, world)) for concern in CONCERNS]
    if as_json:
        click.echo(json.dumps({value.variable: value_as_data(value) for _, values in shown for value in values}))
        return
    for concern, values in shown:
        click.echo(f"# {concern.title}")
        for line in described(values):
            click.echo(line)
        click.echo()


@config.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check_command(*, as_json: bool) -> None:
    """Check every setting, and name all that is wrong. Exit code 0: nothing; 78: something."""
    problems = found_problems(World.here())
    if as_json:
        click.echo(json.dumps({"ok": not problems, "problems": [problem_as_data(p) for p in problems]}))
    elif problems:
        for problem in problems:
            click.echo(str(problem))
    else:
        click.echo(f"The settings are good: {sum(len(c.model_fields) for c in CONCERNS)} of them.")
    raise SystemExit(SettingsInvalid.exit_code if problems else 0)


def found_problems(world: World, concerns: Iterable[type[Concern]] = CONCERNS) -> list[Problem]:
    """Return all that is wrong: values that are refused, and variables that set nothing."""
    concerns = tuple(concerns)
    problems = [problem for concern in concerns for problem in check(concern, world)]
    return problems + unknown_variables(concerns, world)


def described(values: Iterable[Value]) -> list[str]:
    """Return the lines that people read: variable, value, where from, what for."""
    return [f"{v.variable}={v.shown}  # {v.origin}: {v.description}" for v in values]


def value_as_data(value: Value) -> dict[str, object]:
    """Return a setting as plain data."""
    return {
        "value": value.shown,
        "source": value.origin.source,
        "file": value.origin.file,
        "description": value.description,
    }


def problem_as_data(problem: Problem) -> dict[str, str]:
    """Return a problem as plain data."""
    return {"variable": problem.variable, "what": problem.what, "example": problem.example}
