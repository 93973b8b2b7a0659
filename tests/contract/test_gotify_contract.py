"""What every Gotify does: the fake in memory, our client on a test server, and on a real one that GOTIFY_URL names."""

import os
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from pydantic import SecretStr

from sinks.gotify.client import GotifyClient
from sinks.gotify.message import NAMESPACE
from sinks.gotify.port import Away, Gotify, Message, Misconfigured, Refused
from sinks.settings import GotifySettings
from tests.contract.gotify_fakes import APP_TOKEN, CLIENT_TOKEN, FakeGotify, GotifyServer, serving


def message(text: str = "the disk is **full**") -> Message:
    request = uuid4()
    extras = {
        "client::display": {"contentType": "text/markdown"},
        NAMESPACE: {"request_id": str(request), "alert_ids": [str(uuid4())]},
    }
    return Message("web-1: disk", text, 5, extras, request)


def settings(url: str, token: str = APP_TOKEN, client_token: str | None = CLIENT_TOKEN) -> GotifySettings:
    return GotifySettings(
        url=url,
        token=SecretStr(token),
        client_token=SecretStr(client_token) if client_token else None,
        timeout_s=1.0,
    )


@pytest.fixture(params=["fake", "server", "real"])
async def gotify(request: pytest.FixtureRequest) -> AsyncIterator[Gotify]:
    if request.param == "fake":
        yield FakeGotify()
        return
    if request.param == "server":
        async with serving() as server:
            client = GotifyClient(settings(server.url))
            yield client
            await client.close()
        return
    if "GOTIFY_URL" not in os.environ:
        pytest.skip("GOTIFY_URL, GOTIFY_TOKEN and GOTIFY_CLIENT_TOKEN name no real server")
    real = settings(os.environ["GOTIFY_URL"], os.environ["GOTIFY_TOKEN"], os.environ["GOTIFY_CLIENT_TOKEN"])
    client = GotifyClient(real)
    yield client
    await client.close()


async def test_a_message_that_was_sent_is_found_by_its_request(gotify: Gotify) -> None:
    one, other = message(), message()
    ids = [await gotify.send(one), await gotify.send(other)]
    recent = await gotify.recent()
    assert recent is not None
    assert [recent[one.request_id], recent[other.request_id]] == ids


async def test_what_was_not_sent_is_not_found(gotify: Gotify) -> None:
    recent = await gotify.recent()
    assert recent is not None
    assert uuid4() not in recent


async def test_the_same_message_twice_is_two_messages(gotify: Gotify) -> None:
    one = message()
    assert await gotify.send(one) != await gotify.send(one)


async def test_a_message_without_text_is_refused(gotify: Gotify) -> None:
    with pytest.raises(Refused) as refused:
        await gotify.send(message(""))
    assert refused.value.status == 400


@pytest.fixture
async def server() -> AsyncIterator[GotifyServer]:
    async with serving() as made:
        yield made


@pytest.fixture
async def client(server: GotifyServer) -> AsyncIterator[GotifyClient]:
    made = GotifyClient(settings(server.url))
    yield made
    await made.close()


async def test_everything_goes_over_the_wire(server: GotifyServer, client: GotifyClient) -> None:
    one = message()
    await client.send(one)
    sent = server.messages[0]
    assert (sent["title"], sent["message"], sent["priority"]) == (one.title, one.message, 5)
    assert sent["extras"] == dict(one.extras)


async def test_later_is_told_from_never(server: GotifyServer, client: GotifyClient) -> None:
    server.answers.extend([(429, "slow down", {"Retry-After": "7"}), (503, "", {}), (413, "too long", {})])
    with pytest.raises(Away) as busy:
        await client.send(message())
    assert (busy.value.retry_after_s, busy.value.maybe_taken) == (7.0, False)
    with pytest.raises(Away):
        await client.send(message())
    with pytest.raises(Refused) as never:
        await client.send(message())
    assert (never.value.status, never.value.answer) == (413, "too long")


async def test_an_answer_that_does_not_come_may_have_been_taken(server: GotifyServer, client: GotifyClient) -> None:
    server.hang_s = 3
    one = message()
    with pytest.raises(Away) as away:
        await client.send(one)
    assert away.value.maybe_taken
    assert one.request_id in (await client.recent() or {})


async def test_wrong_token_and_wrong_server_are_named(server: GotifyServer) -> None:
    wrong = GotifyClient(settings(server.url, token="Awrong"))
    with pytest.raises(Misconfigured, match="INFRASTRUCTOR_GOTIFY__TOKEN"):
        await wrong.send(message())
    await wrong.close()
    elsewhere = GotifyClient(settings(f"{server.url}/somewhere"))
    with pytest.raises(Misconfigured, match="INFRASTRUCTOR_GOTIFY__URL"):
        await elsewhere.send(message())
    await elsewhere.close()
    moved = GotifyClient(settings(server.url))
    server.answers.extend([(200, "<html>welcome</html>", {}), (302, "", {"Location": "/login"})])
    for _ in range(2):
        with pytest.raises(Misconfigured, match="INFRASTRUCTOR_GOTIFY__URL"):
            await moved.send(message())
    await moved.close()


async def test_nobody_there_was_sent_nothing(free_port: object) -> None:
    assert callable(free_port)
    nobody = GotifyClient(settings(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(Away) as away:
        await nobody.send(message())
    assert not away.value.maybe_taken
    await nobody.close()


async def test_without_a_client_token_we_may_not_look(server: GotifyServer) -> None:
    blind = GotifyClient(settings(server.url, client_token=None))
    assert await blind.recent() is None
    await blind.close()
