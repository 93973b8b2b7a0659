"""`infrastructor notify`: whether who is to be told can be told."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal, assert_never

import click

from runtime.errors import InfrastructorError, SettingsInvalid

# Imported where they are used: the command line itself is quick.
if TYPE_CHECKING:
    from schemas.alert import Severity
    from sinks.telling.port import Receiver
    from sinks.telling.trial import Arrived

Name = Literal["gotify", "webhook"]
NAMES: tuple[Name, ...] = ("gotify", "webhook")


@click.group()
def notify() -> None:
    """Try out the receivers of notifications."""


@notify.command("test")
@click.option("--receiver", type=click.Choice(NAMES), help="Only this one; without it, each that is configured.")
@click.option(
    "--severity", type=click.Choice(["info", "warning", "critical"]), default="info", show_default=True, help="Its own."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a receiver.")
def test_command(*, receiver: Name | None, severity: "Severity", as_json: bool) -> None:
    """Send one message that says that it is a test, and say what came back.

    It goes straight to the receiver as the sink would send it, not through Kafka, and is tried once. With the token of
    a client it is looked for afterwards. Exit code 69: no answer, or refused; 78: a setting is wrong, the line says
    which.
    """
    chosen = (receiver,) if receiver is not None else tuple(name for name in NAMES if _configured(name))
    if not chosen:
        raise SettingsInvalid(
            "nobody can be told: set INFRASTRUCTOR_GOTIFY__URL and INFRASTRUCTOR_GOTIFY__TOKEN, or "
            "INFRASTRUCTOR_WEBHOOK__URL and INFRASTRUCTOR_WEBHOOK__SECRET",
            operation="send a test message",
        )
    failures: list[InfrastructorError] = []
    for name in chosen:
        try:
            arrived = asyncio.run(_try_out(name, severity))
        except InfrastructorError as error:
            failures.append(error)
            if as_json:
                click.echo(json.dumps({"receiver": name, "delivered": False, "error": error.error_code}))
        else:
            click.echo(_shown(name, arrived, as_json=as_json))
    from runtime.process import one_line  # noqa: PLC0415 - loads asyncio's signals, which no help needs

    for failure in failures[:-1]:
        click.echo(one_line(failure), err=True)
    if failures:
        raise failures[-1]


def _shown(name: Name, arrived: "Arrived", *, as_json: bool) -> str:
    if as_json:
        facts = {"message_id": arrived.message_id, "found_again": arrived.found_again}
        return json.dumps({"receiver": name, "delivered": True, **facts})
    line = f"{name}: delivered" + (f" as message {arrived.message_id}" if arrived.message_id is not None else "")
    match arrived.found_again:
        case True:
            return f"{line}, and found there again"
        case False:
            return f"{line}, but not found there: the token of the client is another user's"
        case None if name == "gotify":
            return f"{line}; without INFRASTRUCTOR_GOTIFY__CLIENT_TOKEN a message may come twice after a crash"
        case None:
            return line
        case _:
            assert_never(arrived.found_again)


def _configured(name: Name) -> bool:
    from runtime.settings import load  # noqa: PLC0415
    from sinks.gotify.settings import GotifySettings  # noqa: PLC0415
    from sinks.webhook.settings import WebhookSettings  # noqa: PLC0415

    return load(GotifySettings if name == "gotify" else WebhookSettings).configured


async def _try_out(name: Name, severity: "Severity") -> "Arrived":
    from runtime.clock import SystemClock  # noqa: PLC0415
    from sinks.telling.trial import trial_request, try_out  # noqa: PLC0415

    request = trial_request(name, severity, host=socket.gethostname(), now=SystemClock().now())
    async with _receiver(name) as receiver:
        return await try_out(receiver, request)


@asynccontextmanager
async def _receiver(name: Name) -> "AsyncIterator[Receiver]":
    from runtime.clock import SystemClock  # noqa: PLC0415
    from runtime.log import get_logger  # noqa: PLC0415
    from runtime.settings import load  # noqa: PLC0415
    from sinks.gotify import client, receiver  # noqa: PLC0415
    from sinks.gotify.settings import GotifySettings  # noqa: PLC0415
    from sinks.webhook import receiver as webhook  # noqa: PLC0415
    from sinks.webhook.settings import WebhookSettings  # noqa: PLC0415

    match name:
        case "gotify":
            gotify_settings = load(GotifySettings)
            if not gotify_settings.configured:
                raise SettingsInvalid(receiver.DESK.unconfigured, operation="send a test message")
            server = client.GotifyClient(gotify_settings)
            try:
                yield receiver.GotifyReceiver(server, gotify_settings, get_logger("notify"))
            finally:
                await server.close()
        case "webhook":
            webhook_settings = load(WebhookSettings)
            if not webhook_settings.configured:
                raise SettingsInvalid(webhook.DESK.unconfigured, operation="send a test message")
            posting = webhook.WebhookReceiver(webhook_settings, SystemClock())
            try:
                yield posting
            finally:
                await posting.close()
        case _:
            assert_never(name)
