"""The webhook sink on a real broker, with a test server that checks signatures; and beside the Gotify sink."""

from collections.abc import AsyncIterator

import pytest

from runtime.kafka.consumer import read_topics
from runtime.kafka.dead_letters import from_record
from runtime.settings import KafkaSettings
from schemas.codec import encode
from schemas.notification import NotificationDelivered, NotificationFailed, NotificationSuppressed
from schemas.registry import DEAD_LETTERS, NOTIFICATIONS
from sinks.gotify.settings import GotifySettings
from sinks.webhook.settings import WebhookSettings
from tests.contract.receivers import requested, webhook_settings
from tests.contract.webhook_server import WebhookServer, webhook_server
from tests.integration.telling import gotify_sink, outcomes_of, told, webhook_sink
from tests.integration.timescale_log import write

pytestmark = pytest.mark.kafka


@pytest.fixture
async def server() -> AsyncIterator[WebhookServer]:
    async with webhook_server() as made:
        yield made


def settings(server: WebhookServer) -> WebhookSettings:
    return webhook_settings(server.url, retry_first_s=0.05, rate_per_s=1000)


async def test_requests_are_posted_and_told_of(topics: KafkaSettings, server: WebhookServer) -> None:
    one, other = requested(receiver="webhook"), requested(receiver="webhook")
    server.answers.extend([(503, "starting", {}), (429, "slow", {"Retry-After": "0"})])
    await write(topics, NOTIFICATIONS, [one, other])
    async with webhook_sink(topics, settings(server)) as task:
        found = await told(topics, one, other, task=task)
    assert [event.data.request_id for event in found] == [one.id, other.id]
    assert all(isinstance(event, NotificationDelivered) and event.source == "/sinks/webhook" for event in found)
    assert found[0].data.model_dump()["attempts"] == 3
    assert list(server.taken) == [str(one.id), str(other.id)]


async def test_an_answer_that_was_lost_is_no_second_event(topics: KafkaSettings, server: WebhookServer) -> None:
    request = requested(receiver="webhook")
    server.hang_s = 0.6
    hasty = settings(server).model_copy(update={"timeout_s": 0.3})
    await write(topics, NOTIFICATIONS, [request])
    async with webhook_sink(topics, hasty) as task:
        while len(server.requests) < 2:
            await server.arrived.wait()
            server.arrived.clear()
        server.hang_s = 0
        await told(topics, request, task=task)
    assert list(server.taken) == [str(request.id)]


async def test_gone_is_failed_with_a_dead_letter(topics: KafkaSettings, server: WebhookServer) -> None:
    request, after = requested(receiver="webhook"), requested(receiver="webhook")
    server.answers.append((410, "nobody reads this any more", {}))
    await write(topics, NOTIFICATIONS, [request, after])
    async with webhook_sink(topics, settings(server)) as task:
        failed, delivered = await told(topics, request, after, task=task)
    assert isinstance(failed, NotificationFailed)
    assert isinstance(delivered, NotificationDelivered)
    assert (failed.data.error_code, failed.data.message) == ("http_410", "HTTP 410: nobody reads this any more")
    letters = [letter async for raw in read_topics(topics, [DEAD_LETTERS]) if (letter := from_record(raw)) is not None]
    ours = [letter for letter in letters if letter.origin.value == encode(request)]
    assert [(letter.consumer, letter.reason) for letter in ours] == [("webhook", "http_410")]


async def test_two_sinks_beside_each_other_answer_for_their_own(topics: KafkaSettings) -> None:
    names = ("gotify", "pager", "webhook")
    requests = {name: requested(receiver=name) for name in names}
    await write(topics, NOTIFICATIONS, list(requests.values()))
    async with gotify_sink(topics, GotifySettings()) as one, webhook_sink(topics, WebhookSettings()) as other:
        await told(topics, requests["gotify"], task=one)
        await told(topics, requests["webhook"], task=other)
    for name in ("gotify", "webhook"):
        (suppressed,) = await outcomes_of(topics, requests[name])
        assert isinstance(suppressed, NotificationSuppressed)
        assert (suppressed.source, suppressed.data.receiver) == (f"/sinks/{name}", name)
        assert (suppressed.data.reason, name.upper() in suppressed.data.detail) == ("not_configured", True)
    assert await outcomes_of(topics, requests["pager"]) == []
