"""What every receiver of notifications does: Gotify in memory, on a test server and real, and the webhook."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest

from runtime.clock import SystemClock
from runtime.log import get_logger
from sinks.gotify.client import GotifyClient
from sinks.gotify.receiver import GotifyReceiver
from sinks.telling.port import Away, Misconfigured, Receiver, Refused
from sinks.webhook.receiver import WebhookReceiver
from tests.contract import receivers
from tests.contract.receivers import Place, gotify_settings, requested, webhook_settings


def _made(name: str) -> AbstractAsyncContextManager[Place]:
    if name == "real" and "GOTIFY_URL" not in os.environ:
        pytest.skip("GOTIFY_URL, GOTIFY_TOKEN and GOTIFY_CLIENT_TOKEN name no real server")
    makers = {
        "fake": receivers.gotify_fake,
        "server": receivers.gotify_server,
        "real": receivers.gotify_real,
        "webhook": receivers.webhook,
    }
    return makers[name]()


@pytest.fixture(params=["fake", "server", "real", "webhook"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with _made(request.param) as made:
        yield made


@pytest.fixture(params=["server", "webhook"])
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with _made(request.param) as made:
        yield made


async def test_what_is_sent_arrives_in_order(place: Place) -> None:
    requests = [requested(), requested()]
    for request in requests:
        await place.receiver.send([request])
    wanted = {request.id for request in requests}
    assert [one for one in await place.told() if one in wanted] == [request.id for request in requests]


async def test_several_at_once_all_arrive(place: Place) -> None:
    requests = [requested() for _ in range(3)]
    await place.receiver.send(requests)
    assert {request.id for request in requests} <= set(await place.told())


async def test_a_request_can_be_sent_again_without_being_told_twice(place: Place) -> None:
    request = requested()
    message_id = await place.receiver.send([request])
    place.receiver.forget()
    if place.receiver.takes_once:
        await place.receiver.send([request])
    else:
        assert await place.receiver.there([request]) == {request.id: message_id}
    assert (await place.told()).count(request.id) == 1


async def test_what_was_not_sent_is_not_there(place: Place) -> None:
    assert not await place.receiver.there([requested()])


async def test_text_of_any_kind_arrives(place: Place) -> None:
    request = requested(title="ü <b>*x*</b> 🚨", body=" ", runbook="not an address")
    await place.receiver.send([request])
    assert request.id in await place.told()


async def test_later_is_told_from_never_and_from_not_ours(served: Place) -> None:
    assert served.answers is not None
    date = {"Retry-After": "Sun, 01 Nov 2026 12:00:30 GMT", "Date": "Sun, 01 Nov 2026 12:00:00 GMT"}
    served.answers.extend([(429, "slow", {"Retry-After": "7"}), (503, "", date), (500, "", {}), (408, "", {})])
    # A proxy's answer: whether the receiver has the message is not known.
    served.answers.extend([(502, "", {}), (504, "", {})])
    waits = []
    for _ in range(6):
        with pytest.raises(Away) as later:
            await served.receiver.send([requested()])
        waits.append((later.value.retry_after_s, later.value.maybe_taken))
    assert waits == [(7.0, False), (30.0, False), (None, False), (None, False), (None, True), (None, True)]
    served.answers.extend([(400, "no", {}), (410, "gone", {}), (413, "too long", {})])
    refused = []
    for _ in range(3):
        with pytest.raises(Refused) as never:
            await served.receiver.send([requested()])
        refused.append((never.value.status, never.value.answer))
    assert refused == [(400, "no"), (410, "gone"), (413, "too long")]
    served.answers.extend([(401, "who?", {}), (403, "", {}), (302, "", {"Location": "/login"})])
    for _ in range(3):
        with pytest.raises(Misconfigured, match=r"INFRASTRUCTOR_(GOTIFY|WEBHOOK)__URL"):
            await served.receiver.send([requested()])


async def test_an_answer_that_does_not_come_may_have_been_taken(served: Place) -> None:
    assert served.hang is not None
    served.hang(3)
    request = requested()
    with pytest.raises(Away) as away:
        await served.receiver.send([request])
    assert away.value.maybe_taken
    assert await served.told() == [request.id]


async def test_an_answer_never_shows_what_is_secret(served: Place) -> None:
    assert served.answers is not None
    secret = "Aapplication, 0123456789abcdef-first, http://h/hooks/nbr-place"
    served.answers.append((400, f"I do not like {secret}", {}))
    with pytest.raises(Refused) as refused:
        await served.receiver.send([requested()])
    kept = [one for one in ("Aapplication", "0123456789abcdef-first", "nbr-place") if one in refused.value.answer]
    assert kept in (["0123456789abcdef-first", "nbr-place"], ["Aapplication"])


async def _garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    writer.close()


def _at(url: str) -> list[tuple[Receiver, GotifyClient | WebhookReceiver]]:
    settings = gotify_settings(url)
    client, hook = GotifyClient(settings), WebhookReceiver(webhook_settings(f"{url}/x"), SystemClock())
    return [(GotifyReceiver(client, settings, get_logger("test")), client), (hook, hook)]


async def test_nobody_there_was_sent_nothing(free_port: object) -> None:
    assert callable(free_port)
    for receiver, closing in _at(f"http://127.0.0.1:{free_port()}"):
        with pytest.raises(Away) as away:
            await receiver.send([requested()])
        assert not away.value.maybe_taken
        await closing.close()


async def test_what_speaks_no_http_is_no_crash() -> None:
    async with await asyncio.start_server(_garbage, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for receiver, closing in _at(f"http://127.0.0.1:{port}"):
            with pytest.raises((Away, Misconfigured)):
                await receiver.send([requested()])
            await closing.close()
