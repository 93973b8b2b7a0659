"""`infrastructor notify test` as a user runs it, on servers that answer well, badly, or not at all."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import build_cli, main
from tests.contract.gotify_fakes import APP_TOKEN, CLIENT_TOKEN, GotifyServer, serving
from tests.contract.webhook_server import SECRET, WebhookServer, webhook_server


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Run = Callable[..., Awaitable[Said]]


@pytest.fixture
async def gotify() -> AsyncIterator[GotifyServer]:
    async with serving() as made:
        yield made


@pytest.fixture
async def webhook() -> AsyncIterator[WebhookServer]:
    async with webhook_server() as made:
        yield made


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command beside the servers, which this test's loop serves."""
    monkeypatch.chdir(tmp_path)

    async def run_it(*arguments: str, **settings: str) -> Said:
        for name, value in settings.items():
            monkeypatch.setenv(f"INFRASTRUCTOR_{name}", value)

        def leave() -> int:
            with pytest.raises(SystemExit) as left:
                main(["notify", "test", *arguments])
            return int(left.value.code or 0)

        code = await asyncio.to_thread(leave)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run_it


def settings(gotify: GotifyServer, **more: str) -> Mapping[str, str]:
    return {
        "GOTIFY__URL": gotify.url,
        "GOTIFY__TOKEN": APP_TOKEN,
        "GOTIFY__CLIENT_TOKEN": CLIENT_TOKEN,
    } | more


async def test_a_message_arrives_and_is_found(run: Run, gotify: GotifyServer) -> None:
    said = await run("--severity", "critical", **settings(gotify))
    assert (said.code, said.out) == (0, "gotify: delivered as message 1, and found there again\n")
    (message,) = gotify.messages
    assert message["title"].startswith("[critical] A test from ")
    assert "nothing is wrong" in message["message"]
    assert message["priority"] == 8
    blind = await run(**settings(gotify, GOTIFY__CLIENT_TOKEN=""))
    assert (blind.code, "INFRASTRUCTOR_GOTIFY__CLIENT_TOKEN" in blind.out) == (0, True)


async def test_both_are_told_and_one_that_fails_decides_the_code(
    run: Run, gotify: GotifyServer, webhook: WebhookServer
) -> None:
    both = settings(gotify, WEBHOOK__URL=webhook.url, WEBHOOK__SECRET=SECRET)
    said = await run("--json", **both)
    assert [json.loads(line) for line in said.out.splitlines()] == [
        {"receiver": "gotify", "delivered": True, "message_id": "1", "found_again": True},
        {"receiver": "webhook", "delivered": True, "message_id": None, "found_again": None},
    ]
    (event,) = webhook.taken.values()
    assert (event["source"], event["data"]["receiver"]) == ("/operators/notify-test", "webhook")
    gotify.answers.append((500, "no room", {}))
    said = await run("--json", **both)
    assert said.code == 69
    assert [json.loads(line)["delivered"] for line in said.out.splitlines()] == [False, True]
    assert said.err.startswith(f"error: gotify: Gotify at {gotify.url} answered 500: no room")


@pytest.mark.parametrize(
    ("wrong", "code", "named"),
    [
        ({"GOTIFY__TOKEN": "Awrong"}, 78, "INFRASTRUCTOR_GOTIFY__TOKEN"),
        ({"GOTIFY__CLIENT_TOKEN": "Cwrong"}, 78, "delivered as message 1, .*INFRASTRUCTOR_GOTIFY__CLIENT_TOKEN"),
        ({"GOTIFY__URL": "http://127.0.0.1:1"}, 69, "cannot be reached"),
        ({"GOTIFY__URL": "", "GOTIFY__TOKEN": "", "GOTIFY__CLIENT_TOKEN": ""}, 78, "INFRASTRUCTOR_WEBHOOK__URL"),
        ({"GOTIFY__URL": "gotify"}, 78, "INFRASTRUCTOR_GOTIFY__URL"),
    ],
)
async def test_what_is_wrong_is_named(
    run: Run, gotify: GotifyServer, wrong: Mapping[str, str], code: int, named: str
) -> None:
    said = await run(**settings(gotify, **wrong))
    assert (said.code, said.out) == (code, "")
    (line,) = said.err.splitlines()
    assert re.search(named, line), line


async def test_a_refusal_and_a_receiver_that_is_not_configured(run: Run, webhook: WebhookServer) -> None:
    said = await run("--receiver", "gotify")
    assert (said.code, "INFRASTRUCTOR_GOTIFY__URL" in said.err) == (78, True)
    webhook.answers.append((410, "gone", {}))
    said = await run("--receiver", "webhook", WEBHOOK__URL=webhook.url, WEBHOOK__SECRET=SECRET)
    assert (said.code, said.err) == (69, "error: webhook: refused with HTTP 410: gone\n")


def test_another_receiver_is_wrong_usage() -> None:
    assert CliRunner().invoke(build_cli(), ["notify", "test", "--receiver", "pager"]).exit_code == 2
