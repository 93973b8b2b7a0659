"""The receivers that the contract suite runs on, each with a way to see what arrived."""

import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from pydantic import SecretStr

from runtime.clock import SystemClock
from runtime.log import get_logger
from schemas.notification import NotificationRequested, NotificationRequestedData
from sinks.gotify.client import GotifyClient
from sinks.gotify.message import sent_in
from sinks.gotify.port import Sent
from sinks.gotify.receiver import GotifyReceiver
from sinks.gotify.settings import GotifySettings
from sinks.telling.port import Receiver
from sinks.webhook.receiver import WebhookReceiver
from sinks.webhook.settings import WebhookSettings
from tests.contract.gotify_fakes import APP_TOKEN, CLIENT_TOKEN, FakeGotify, serving
from tests.contract.webhook_server import SECRET, webhook_server

Answers = deque[tuple[int, str, dict[str, str]]]


@dataclass
class Place:
    """A receiver, and what is behind it. `answers` and `hang` only where there is a server of ours."""

    receiver: Receiver
    told: Callable[[], Awaitable[list[UUID]]]
    """The requests that arrived, those that came twice twice."""
    answers: Answers | None = None
    hang: Callable[[float], None] | None = None


def requested(**data: Any) -> NotificationRequested:
    """A request, new each time."""
    facts: dict[str, Any] = {
        "receiver": "gotify",
        "kind": "raised",
        "alert_ids": (UUID(int=7),),
        "rule": "disk_full",
        "severity": "critical",
        "title": "web-1: disk full",
        "body": "**98%** used",
    }
    return NotificationRequested(
        id=uuid4(),
        source="/streams/notifications",
        subject="web-1",
        time=datetime(2026, 11, 1, tzinfo=UTC),
        sequence=1,
        data=NotificationRequestedData(**(facts | data)),
    )


def gotify_settings(url: str, **more: Any) -> GotifySettings:
    """Settings for a server with the tokens of the tests."""
    given: dict[str, Any] = {"token": SecretStr(APP_TOKEN), "client_token": SecretStr(CLIENT_TOKEN), "timeout_s": 1.0}
    return GotifySettings(url=url, **(given | more))


def webhook_settings(url: str, **more: Any) -> WebhookSettings:
    """Settings for a server with the secret of the tests."""
    given: dict[str, Any] = {"secret": SecretStr(SECRET), "timeout_s": 1.0}
    return WebhookSettings(url=SecretStr(url), **(given | more))


@asynccontextmanager
async def gotify_fake() -> AsyncIterator[Place]:
    fake = FakeGotify()

    async def told() -> list[UUID]:
        return _requests(await fake.recent() or ())

    yield Place(GotifyReceiver(fake, gotify_settings("http://fake"), get_logger("test")), told)


@asynccontextmanager
async def gotify_server() -> AsyncIterator[Place]:
    async with serving() as server:
        settings = gotify_settings(server.url)
        client = GotifyClient(settings)

        async def told() -> list[UUID]:
            return _requests([sent for one in reversed(server.messages) if (sent := sent_in(one)) is not None])

        def hang(seconds: float) -> None:
            server.hang_s = seconds

        yield Place(GotifyReceiver(client, settings, get_logger("test")), told, server.answers, hang)
        await client.close()


@asynccontextmanager
async def gotify_real() -> AsyncIterator[Place]:
    settings = real_settings()
    client = GotifyClient(settings)

    async def told() -> list[UUID]:
        return _requests(await client.recent() or ())

    yield Place(GotifyReceiver(client, settings, get_logger("test")), told)
    await client.close()


@asynccontextmanager
async def webhook() -> AsyncIterator[Place]:
    async with webhook_server() as server:
        receiver = WebhookReceiver(webhook_settings(server.url), SystemClock())

        async def told() -> list[UUID]:
            return [UUID(one) for one in server.taken]

        def hang(seconds: float) -> None:
            server.hang_s = seconds

        yield Place(receiver, told, server.answers, hang)
        await receiver.close()


def real_settings(**more: Any) -> GotifySettings:
    """The settings of the real Gotify that the environment names."""
    tokens = {
        "token": SecretStr(os.environ["GOTIFY_TOKEN"]),
        "client_token": SecretStr(os.environ["GOTIFY_CLIENT_TOKEN"]),
    }
    return gotify_settings(os.environ["GOTIFY_URL"], **(tokens | {"timeout_s": 10.0} | more))


def _requests(messages: "list[Sent] | tuple[Sent, ...]") -> list[UUID]:
    return [request for sent in reversed(messages) for request in sent.requests]
