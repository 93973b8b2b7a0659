"""The sinks that tell, run inside the test on a real broker, and their outcomes in the log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from prometheus_client import CollectorRegistry

from runtime.kafka.consumer import read_topics
from runtime.settings import KafkaSettings
from schemas.notification import (
    NotificationDelivered,
    NotificationFailed,
    NotificationRequested,
    NotificationSuppressed,
)
from schemas.record import RecordReader
from schemas.refusal import EventRefused
from schemas.registry import NOTIFICATIONS
from sinks.gotify.client import GotifyClient
from sinks.gotify.receiver import DESK as GOTIFY
from sinks.gotify.receiver import GotifyReceiver
from sinks.gotify.settings import GotifySettings
from sinks.surroundings import Surroundings
from sinks.telling.process import build_sink
from sinks.telling.service import TellingSink
from sinks.webhook.receiver import DESK as WEBHOOK
from sinks.webhook.receiver import WebhookReceiver
from sinks.webhook.settings import WebhookSettings
from tests.integration.timescale_log import surroundings

Task = asyncio.Task[None]
Outcome = NotificationDelivered | NotificationFailed | NotificationSuppressed


@asynccontextmanager
async def gotify_sink(kafka: KafkaSettings, settings: GotifySettings) -> AsyncIterator[Task]:
    """The Gotify sink, running."""
    registry = CollectorRegistry()
    around = surroundings(registry)
    client = GotifyClient(settings) if settings.configured else None
    receiver = None if client is None else GotifyReceiver(client, settings, around.log)
    sink = build_sink(GOTIFY, receiver, kafka=kafka, settings=settings, around=around, registry=registry)
    async with _running(sink, around) as task:
        yield task
    if client is not None:
        await client.close()


@asynccontextmanager
async def webhook_sink(kafka: KafkaSettings, settings: WebhookSettings) -> AsyncIterator[Task]:
    """The webhook sink, running."""
    registry = CollectorRegistry()
    around = surroundings(registry)
    receiver = WebhookReceiver(settings, around.clock) if settings.configured else None
    sink = build_sink(WEBHOOK, receiver, kafka=kafka, settings=settings, around=around, registry=registry)
    async with _running(sink, around) as task:
        yield task
    if receiver is not None:
        await receiver.close()


@asynccontextmanager
async def _running(sink: TellingSink, around: Surroundings) -> AsyncIterator[Task]:
    task = asyncio.create_task(sink.run())
    try:
        yield task
    finally:
        around.stop.ask("the test is over")
        await asyncio.wait([task], timeout=15)
        assert task.done(), "the sink did not drain"
        task.result()


async def outcomes_of(kafka: KafkaSettings, *requests: NotificationRequested) -> list[Outcome]:
    """The outcomes of some requests that are in the log now, in its order."""
    wanted, reader = {request.id for request in requests}, RecordReader()
    found: list[Outcome] = []
    async for raw in read_topics(kafka, [NOTIFICATIONS]):
        with suppress(EventRefused):
            event = reader.read(raw).event
            if isinstance(event, Outcome) and event.data.request_id in wanted:
                found.append(event)
    return found


async def told(kafka: KafkaSettings, *requests: NotificationRequested, task: Task) -> list[Outcome]:
    """Wait until each request has an outcome; return them."""
    async with asyncio.timeout(30):
        while len(found := await outcomes_of(kafka, *requests)) < len(requests):
            if task.done():
                task.result()
            await asyncio.sleep(0.1)
    return found
