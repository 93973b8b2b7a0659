"""What every Gotify does: the fake in memory, our client on a test server, and on a real one that GOTIFY_URL names."""

import os
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from runtime.log import get_logger
from sinks.gotify.client import NEWEST, GotifyClient
from sinks.gotify.message import NAMESPACE
from sinks.gotify.port import Gotify, Message
from sinks.gotify.receiver import GotifyReceiver
from sinks.telling.port import Misconfigured, Refused
from tests.contract.gotify_fakes import APP_TOKEN, FakeGotify, GotifyServer, serving
from tests.contract.receivers import gotify_settings, real_settings, requested


def message(text: str = "the disk is **full**") -> Message:
    extras = {
        "client::display": {"contentType": "text/markdown"},
        NAMESPACE: {"request_id": str(uuid4()), "alert_ids": [str(uuid4())], "kind": "raised"},
    }
    return Message("web-1: disk", text, 5, extras)


def request_of(made: Message) -> UUID:
    return UUID(made.extras[NAMESPACE]["request_id"])


async def found(gotify: Gotify, made: Message) -> list[str]:
    """The ids under which a message is there."""
    recent = await gotify.recent()
    assert recent is not None
    return [sent.message_id for sent in recent if request_of(made) in sent.requests]


@pytest.fixture(params=["fake", "server", "real"])
async def gotify(request: pytest.FixtureRequest) -> AsyncIterator[Gotify]:
    if request.param == "fake":
        yield FakeGotify()
        return
    if request.param == "server":
        async with serving() as server:
            client = GotifyClient(gotify_settings(server.url))
            yield client
            await client.close()
        return
    if "GOTIFY_URL" not in os.environ:
        pytest.skip("GOTIFY_URL, GOTIFY_TOKEN and GOTIFY_CLIENT_TOKEN name no real server")
    client = GotifyClient(real_settings())
    yield client
    await client.close()


async def test_a_message_that_was_sent_is_found_by_its_request(gotify: Gotify) -> None:
    one, other = message(), message()
    ids = [await gotify.send(one), await gotify.send(other)]
    assert [await found(gotify, one), await found(gotify, other)] == [[ids[0]], [ids[1]]]


async def test_what_a_message_tells_of_is_known(gotify: Gotify) -> None:
    one = message()
    await gotify.send(one)
    recent = await gotify.recent()
    assert recent is not None
    (sent,) = [sent for sent in recent if request_of(one) in sent.requests]
    assert (sent.kind, [str(alert) for alert in sent.alerts]) == ("raised", one.extras[NAMESPACE]["alert_ids"])


async def test_what_was_not_sent_is_not_found(gotify: Gotify) -> None:
    assert await found(gotify, message()) == []


async def test_the_same_message_twice_is_two_messages_the_newest_first(gotify: Gotify) -> None:
    one = message()
    ids = [await gotify.send(one), await gotify.send(one)]
    assert await found(gotify, one) == ids[::-1]


async def test_what_is_deleted_is_gone_and_may_be_deleted_again(gotify: Gotify) -> None:
    one, other = message(), message()
    ids = [await gotify.send(one), await gotify.send(other)]
    for _ in range(2):
        await gotify.delete(ids[0])
    assert [await found(gotify, one), await found(gotify, other)] == [[], [ids[1]]]


async def test_what_is_over_takes_the_place_of_what_was_raised(gotify: Gotify) -> None:
    replacing = gotify_settings("http://gotify", replace_resolved=True)
    receiver, alert = GotifyReceiver(gotify, replacing, get_logger("test")), uuid4()
    raised, other = requested(alert_ids=(alert,)), requested(alert_ids=(uuid4(),))
    over = requested(kind="resolved", alert_ids=(alert,), over_ids=(alert,))
    for request in (raised, other, over):
        await receiver.send([request])
    receiver.forget()
    assert set(await receiver.there([raised, other, over]) or ()) == {other.id, over.id}


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
    made = GotifyClient(gotify_settings(server.url))
    yield made
    await made.close()


async def test_everything_goes_over_the_wire(server: GotifyServer, client: GotifyClient) -> None:
    one = message()
    await client.send(one)
    sent = server.messages[0]
    assert (sent["title"], sent["message"], sent["priority"]) == (one.title, one.message, 5)
    assert sent["extras"] == dict(one.extras)


async def test_the_newest_are_read_page_by_page(server: GotifyServer, client: GotifyClient) -> None:
    first = message()
    await GotifyClient(gotify_settings(server.url)).send(first)
    server.messages += [{"id": number, "appid": 2, "message": "x"} for number in range(2, NEWEST + 2)]
    server.number = NEWEST + 1
    assert await found(client, first) == ["1"]
    assert server.asked == [f"GET /message?limit={NEWEST}", f"GET /message?limit={NEWEST}&since=2"]
    # Once something was sent, our application is known, and others' messages are not read.
    await client.send(message())
    await client.recent()
    assert server.asked[2] == f"GET /application/1/message?limit={NEWEST}"


async def test_wrong_token_and_wrong_server_are_named(server: GotifyServer) -> None:
    wrong = GotifyClient(gotify_settings(server.url, token=SecretStr("Awrong"), client_token=SecretStr(APP_TOKEN)))
    with pytest.raises(Misconfigured, match="INFRASTRUCTOR_GOTIFY__TOKEN"):
        await wrong.send(message())
    for call in (wrong.recent(), wrong.delete("1")):
        with pytest.raises(Misconfigured, match="INFRASTRUCTOR_GOTIFY__CLIENT_TOKEN"):
            await call
    await wrong.close()
    elsewhere = GotifyClient(gotify_settings(f"{server.url}/somewhere"))
    with pytest.raises(Misconfigured, match="INFRASTRUCTOR_GOTIFY__URL"):
        await elsewhere.send(message())
    await elsewhere.close()
    moved = GotifyClient(gotify_settings(server.url))
    server.answers.extend([(200, "<html>welcome</html>", {}), (200, "{}", {}), (302, "", {"Location": "/login"})])
    for _ in range(3):
        with pytest.raises(Misconfigured, match="INFRASTRUCTOR_GOTIFY__URL"):
            await moved.send(message())
    await moved.close()


async def test_without_a_client_token_we_may_not_look(server: GotifyServer) -> None:
    blind = GotifyClient(gotify_settings(server.url, client_token=None))
    assert await blind.recent() is None
    await blind.close()
