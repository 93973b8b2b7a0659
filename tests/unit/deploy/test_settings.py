"""What the files of deploy/ set is a setting that exists, with a value that it takes; what they run is a command."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from cli.config import CONCERNS
from cli.main import build_cli
from runtime.settings import World, check, load, unknown_variables
from sinks.gotify.settings import GotifySettings
from sinks.webhook.settings import WebhookSettings

ROOT = Path(__file__).parents[3]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
OURS = sorted(name for name, spec in SERVICES.items() if "build" in spec and "entrypoint" not in spec)
PREFIX = "INFRASTRUCTOR_"


def in_image() -> dict[str, str]:
    text = (ROOT / "Dockerfile").read_text()
    return dict(re.findall(rf"({PREFIX}\w+)=(\S+)", text))


def in_service(name: str) -> dict[str, str]:
    """Return what a service sees, every password made up."""
    given: Mapping[str, str] = SERVICES[name].get("environment", {})
    return in_image() | {key: filled(value) for key, value in given.items()}


def filled(value: str) -> str:
    """Return a value with what Compose puts in for a variable that is set: `${NAME:+text}` is the text."""
    made_up = "https://made-up.example"  # good as an address, and long enough for a secret
    return re.sub(r"\$\{\w+(?::\+([^}]*)|[^}]*)\}", lambda found: found[1] or made_up, value)


def in_units() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "deploy/systemd").iterdir()):
        for name in re.findall(rf"^(?:Environment=)?({PREFIX}\w+)=", path.read_text(), re.MULTILINE):
            yield path.name, name


def in_documents() -> Iterator[tuple[str, str]]:
    for name in re.findall(rf"\b{PREFIX}[A-Z]+__\w+", (ROOT / "docs/deployment.md").read_text()):
        yield "deployment.md", name


def unknown(variables: Mapping[str, str]) -> list[str]:
    return [str(problem) for problem in unknown_variables(CONCERNS, World((("environment", variables),)))]


@pytest.mark.parametrize("service", OURS)
def test_a_service_sets_what_exists_to_what_is_good(service: str) -> None:
    variables = in_service(service)
    assert unknown(variables) == []
    world = World((("environment", variables),))
    assert [str(problem) for concern in CONCERNS for problem in check(concern, world)] == []


def test_without_a_token_gotify_is_not_configured_and_that_is_good() -> None:
    given = {key: "" for key in in_service("sink-gotify") if "GOTIFY" in key}
    assert SERVICES["sink-gotify"]["environment"].keys() >= given.keys() != set()
    assert not load(GotifySettings, World((("environment", given),))).configured


def test_without_an_address_the_webhook_is_not_configured_and_that_is_good() -> None:
    given = {key: "" for key in in_service("sink-webhook") if "WEBHOOK" in key}
    assert len(given) == 3
    assert not load(WebhookSettings, World((("environment", given),))).configured


@pytest.mark.parametrize(("place", "name"), sorted({*in_units(), *in_documents()}))
def test_what_is_written_down_is_a_setting(place: str, name: str) -> None:
    assert unknown({name: "x"}) == [], place


@pytest.mark.parametrize("service", OURS)
def test_a_service_runs_a_command_that_exists(service: str) -> None:
    is_command(SERVICES[service]["command"])


@pytest.mark.parametrize(
    "arguments", [["agent"], ["streams"], ["sink", "timescale"], ["sink", "gotify"], ["sink", "webhook"]]
)
def test_a_unit_runs_a_command_that_exists(arguments: list[str]) -> None:
    units = " ".join(path.read_text() for path in (ROOT / "deploy/systemd").glob("*.service"))
    assert f"infrastructor {arguments[0]}" in units
    is_command(arguments)


def is_command(arguments: list[str]) -> None:
    command: click.Command | None = build_cli()
    rest = list(arguments)
    while isinstance(command, click.Group) and rest:
        command = command.get_command(click.Context(command), name := rest.pop(0))
        assert command is not None, f"{name} of infrastructor {' '.join(arguments)} is no command"
    assert command is not None
    assert not isinstance(command, click.Group) or command.invoke_without_command
    command.make_context(command.name, rest)
