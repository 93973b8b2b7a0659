"""The Gotify sink on a real broker, with a test server that answers as Gotify does."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from runtime.kafka.consumer import read_topics
from runtime.kafka.dead_letters import DeadLetter, from_record
from runtime.settings import KafkaSettings
from schemas.codec import encode
from schemas.headers import REDRIVE_FOR
from schemas.notification import NotificationDelivered, NotificationFailed, NotificationSuppressed
from schemas.registry import DEAD_LETTERS, NOTIFICATIONS
from sinks.gotify.client import GotifyClient
from sinks.gotify.message import message_of
from sinks.gotify.receiver import DESK
from sinks.gotify.settings import GotifySettings
from sinks.telling.outcomes import Outcomes
from tests.contract.gotify_fakes import APP_TOKEN, CLIENT_TOKEN, GotifyServer, serving
from tests.contract.receivers import requested
from tests.integration.telling import gotify_sink, outcomes_of, told
from tests.integration.timescale_log import write, write_raw

pytestmark = pytest.mark.kafka


@pytest.fixture
async def server() -> AsyncIterator[GotifyServer]:
    async with serving() as made:
        yield made


def settings(server: GotifyServer) -> GotifySettings:
    return GotifySettings(
        url=server.url,
        token=SecretStr(APP_TOKEN),
        client_token=SecretStr(CLIENT_TOKEN),
        retry_first_s=0.05,
        rate_per_s=1000,
    )


async def test_requests_are_delivered_and_told_of(topics: KafkaSettings, server: GotifyServer) -> None:
    one, other, elsewhere = requested(), requested(), requested(receiver="webhook")
    server.answers.append((503, "starting", {}))
    await write(topics, NOTIFICATIONS, [one, elsewhere, other])
    async with gotify_sink(topics, settings(server)) as task:
        found = await told(topics, one, other, task=task)
    assert [event.data.request_id for event in found] == [one.id, other.id]
    assert all(isinstance(event, NotificationDelivered) and event.source == "/sinks/gotify" for event in found)
    assert len(server.messages) == 2
    assert await outcomes_of(topics, elsewhere) == []


async def test_what_was_sent_before_a_crash_is_not_sent_again(topics: KafkaSettings, server: GotifyServer) -> None:
    # Sent, and killed before the outcome was told; told, and killed before the offset was written; neither.
    sent, already_told, new = requested(), requested(), requested()
    before = GotifyClient(settings(server))
    sent_id = await before.send(message_of([sent], settings(server)))
    await before.send(message_of([already_told], settings(server)))
    await before.close()
    await write(topics, NOTIFICATIONS, [sent, already_told])
    outcome = Outcomes(DESK).delivered(already_told, "2", attempts=1, already_there=False, now=already_told.time)
    await write(topics, NOTIFICATIONS, [outcome, new])

    async with gotify_sink(topics, settings(server)) as task:
        await told(topics, sent, already_told, new, task=task)
    assert len(server.messages) == 3
    found = {event.data.request_id: event for event in await outcomes_of(topics, sent, already_told, new)}
    assert len(await outcomes_of(topics, sent, already_told, new)) == 3
    there = found[sent.id].data
    assert there.model_dump()["already_there"] is True
    assert there.model_dump()["message_id"] == sent_id


async def test_a_backlog_is_one_message_and_each_request_has_its_outcome(
    topics: KafkaSettings, server: GotifyServer
) -> None:
    requests = [requested() for _ in range(8)]
    few = settings(server).model_copy(update={"digest_over": 5})
    await write(topics, NOTIFICATIONS, requests)
    async with gotify_sink(topics, few) as task:
        found = await told(topics, *requests, task=task)
    assert {event.data.request_id for event in found} == {request.id for request in requests}
    assert {event.data.message_id for event in found if isinstance(event, NotificationDelivered)} == {"1"}
    (message,) = server.messages
    assert message["title"] == "[critical] 8 notifications of web-1 that waited"


async def test_of_a_digest_that_is_refused_only_the_one_at_fault_fails(
    topics: KafkaSettings, server: GotifyServer
) -> None:
    requests = [requested() for _ in range(3)]
    server.answers.extend([(413, "too long", {}), (400, "not this one", {})])
    await write(topics, NOTIFICATIONS, requests)
    async with gotify_sink(topics, settings(server).model_copy(update={"digest_over": 2})) as task:
        found = await told(topics, *requests, task=task)
    assert [type(event) for event in found] == [NotificationFailed, NotificationDelivered, NotificationDelivered]
    assert len(server.messages) == 2


async def test_a_request_that_is_twice_in_the_log_is_told_once(topics: KafkaSettings, server: GotifyServer) -> None:
    request, after, last = requested(), requested(), requested()
    blind = settings(server).model_copy(update={"client_token": None})
    await write(topics, NOTIFICATIONS, [request, request])
    async with gotify_sink(topics, blind) as task:
        await told(topics, request, task=task)
        await write(topics, NOTIFICATIONS, [request, after])
        await told(topics, after, task=task)
    # The next process knows it from before its offset.
    await write(topics, NOTIFICATIONS, [request, last])
    async with gotify_sink(topics, blind) as task:
        await told(topics, last, task=task)
    assert len(server.messages) == 3
    assert len(await outcomes_of(topics, request)) == 1


async def test_a_refusal_is_told_with_a_dead_letter_that_can_be_redriven(
    topics: KafkaSettings, server: GotifyServer
) -> None:
    request = requested()
    server.answers.append((400, "too colourful", {}))
    await write(topics, NOTIFICATIONS, [request])
    async with gotify_sink(topics, settings(server)) as task:
        (failed,) = await told(topics, request, task=task)
        assert isinstance(failed, NotificationFailed)
        assert (failed.data.error_code, failed.data.message) == ("http_400", "HTTP 400: too colourful")
        letters = [letter async for letter in _letters(topics) if letter.origin.value == encode(request)]
        assert [(letter.consumer, letter.reason) for letter in letters] == [("gotify", "http_400")]

        record = (request.subject.encode(), encode(request))
        await write_raw(topics, NOTIFICATIONS, [record], headers=[(REDRIVE_FOR, b"gotify")])
        await write_raw(topics, NOTIFICATIONS, [record], headers=[(REDRIVE_FOR, b"timescale")])
        async with asyncio.timeout(20):
            while len(await outcomes_of(topics, request)) < 2:
                await asyncio.sleep(0.1)
    assert len(server.messages) == 1


async def _letters(kafka: KafkaSettings) -> AsyncIterator[DeadLetter]:
    async for raw in read_topics(kafka, [DEAD_LETTERS]):
        letter = from_record(raw)
        if letter is not None:
            yield letter


async def test_bytes_that_are_no_event_become_a_dead_letter_and_the_next_is_delivered(
    topics: KafkaSettings, server: GotifyServer
) -> None:
    request = requested()
    await write_raw(topics, NOTIFICATIONS, [(b"web-1", b"no json")])
    await write(topics, NOTIFICATIONS, [request])
    async with gotify_sink(topics, settings(server)) as task:
        await told(topics, request, task=task)
    letters = [letter async for letter in _letters(topics) if letter.reason == "not_json"]
    assert [(letter.consumer, letter.origin.value) for letter in letters] == [("gotify", b"no json")]


async def test_without_a_server_requests_are_recorded_as_suppressed(topics: KafkaSettings) -> None:
    request = requested()
    await write(topics, NOTIFICATIONS, [request])
    async with gotify_sink(topics, GotifySettings()) as task:
        (suppressed,) = await told(topics, request, task=task)
    assert isinstance(suppressed, NotificationSuppressed)
    assert suppressed.data.reason == "not_configured"
