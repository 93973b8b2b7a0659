"""Gotify for tests: in memory behind the port, and an HTTP server that answers as Gotify does."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from aiohttp import web

from sinks.gotify.message import request_in
from sinks.gotify.port import Message, Refused

APP_TOKEN = "Aapplication"
CLIENT_TOKEN = "Cclient"


@dataclass
class FakeGotify:
    """A server in memory. `failures` are raised by the next calls of `send`, one each."""

    may_look: bool = True
    failures: deque[Exception] = field(default_factory=deque)
    lost_answers: deque[Exception] = field(default_factory=deque)
    """Raised by `send` after the message was taken."""
    messages: list[Message] = field(default_factory=list)
    looked: int = 0

    async def send(self, message: Message) -> str:
        if self.failures:
            raise self.failures.popleft()
        if not message.message.strip():
            raise Refused(400, "Field 'message' is required")
        self.messages.append(message)
        if self.lost_answers:
            raise self.lost_answers.popleft()
        return str(len(self.messages))

    async def recent(self) -> dict[UUID, str] | None:
        self.looked += 1
        if not self.may_look:
            return None
        found = ((request_in(one.extras), str(number)) for number, one in enumerate(self.messages, 1))
        return {request: number for request, number in found if request is not None}


@dataclass
class GotifyServer:
    """An HTTP server with the two calls that we make, as Gotify 2 and 3 answer them."""

    url: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    answers: deque[tuple[int, str, dict[str, str]]] = field(default_factory=deque)
    """Given to the next requests to send in place of taking the message: status, body, headers."""
    hang_s: float = 0.0

    async def post(self, request: web.Request) -> web.Response:
        if self.answers:
            status, text, headers = self.answers.popleft()
            return web.Response(status=status, text=text, headers=headers)
        if request.headers.get("X-Gotify-Key") != APP_TOKEN:
            return _error(401, "Unauthorized", "you need to provide a valid access token or user credentials")
        body = await request.json()
        if not body.get("message"):
            return _error(400, "Bad Request", "Field 'message' is required")
        stored = {"id": len(self.messages) + 1, "appid": 1, "date": "2026-11-01T12:00:00Z", **body}
        self.messages.append(stored)
        if self.hang_s:
            await asyncio.sleep(self.hang_s)
        return web.json_response(stored)

    async def get(self, request: web.Request) -> web.Response:
        if request.headers.get("X-Gotify-Key") != CLIENT_TOKEN:
            return _error(401, "Unauthorized", "you need to provide a valid access token or user credentials")
        newest = list(reversed(self.messages))[: int(request.query["limit"])]
        paging = {"size": len(newest), "since": 0, "limit": int(request.query["limit"])}
        return web.json_response({"messages": newest, "paging": paging})


@asynccontextmanager
async def serving() -> AsyncIterator[GotifyServer]:
    """The server on a free port of loopback."""
    server = GotifyServer()
    app = web.Application()
    app.add_routes([web.post("/message", server.post), web.get("/message", server.get)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def _error(code: int, error: str, description: str) -> web.Response:
    return web.json_response({"error": error, "errorCode": code, "errorDescription": description}, status=code)
