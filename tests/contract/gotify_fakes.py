"""Gotify for tests: in memory behind the port, and an HTTP server that answers as Gotify does."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiohttp import web

from sinks.gotify.message import sent_in
from sinks.gotify.port import Message, Sent
from sinks.telling.port import Refused

APP_TOKEN = "Aapplication"
CLIENT_TOKEN = "Cclient"


@dataclass
class FakeGotify:
    """A server in memory. `failures` are raised by the next calls of `send`, one each."""

    may_look: bool = True
    failures: deque[BaseException] = field(default_factory=deque)
    lost_answers: deque[Exception] = field(default_factory=deque)
    """Raised by `send` after the message was taken."""
    not_deleted: deque[Exception] = field(default_factory=deque)
    """Raised by the next calls of `delete`."""
    by_id: dict[str, Message] = field(default_factory=dict)
    looked: int = 0
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def messages(self) -> list[Message]:
        return list(self.by_id.values())

    async def send(self, message: Message) -> str:
        if self.failures:
            raise self.failures.popleft()
        if not message.message.strip():
            raise Refused(400, "Field 'message' is required")
        message_id = str(next(self._numbers))
        self.by_id[message_id] = message
        if self.lost_answers:
            raise self.lost_answers.popleft()
        return message_id

    async def recent(self) -> tuple[Sent, ...] | None:
        self.looked += 1
        if not self.may_look:
            return None
        found = [sent_in({"id": number, "extras": one.extras}) for number, one in reversed(self.by_id.items())]
        return tuple(one for one in found if one is not None)

    async def delete(self, message_id: str) -> None:
        if self.not_deleted:
            raise self.not_deleted.popleft()
        self.by_id.pop(message_id, None)


@dataclass
class GotifyServer:
    """An HTTP server with the calls that we make, as Gotify 2 and 3 answer them."""

    url: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    answers: deque[tuple[int, str, dict[str, str]]] = field(default_factory=deque)
    """Given to the next requests to send in place of taking the message: status, body, headers."""
    hang_s: float = 0.0
    number: int = 0
    asked: list[str] = field(default_factory=list)
    """What was read, and deleted: method and path with query."""

    async def post(self, request: web.Request) -> web.Response:
        if self.answers:
            status, text, headers = self.answers.popleft()
            return web.Response(status=status, text=text, headers=headers)
        if request.headers.get("X-Gotify-Key") != APP_TOKEN:
            return _error(401, "Unauthorized", "you need to provide a valid access token or user credentials")
        body = await request.json()
        if not body.get("message"):
            return _error(400, "Bad Request", "Field 'message' is required")
        self.number += 1
        stored = {"id": self.number, "appid": 1, "date": "2026-11-01T12:00:00Z", **body}
        self.messages.append(stored)
        if self.hang_s:
            await asyncio.sleep(self.hang_s)
        return web.json_response(stored)

    async def get(self, request: web.Request) -> web.Response:
        self.asked.append(f"GET {request.path_qs}")
        if request.headers.get("X-Gotify-Key") != CLIENT_TOKEN:
            return _error(401, "Unauthorized", "you need to provide a valid access token or user credentials")
        since, limit = int(request.query.get("since", "0")), int(request.query["limit"])
        newest = [one for one in reversed(self.messages) if not since or one["id"] < since][:limit]
        return web.json_response({"messages": newest, "paging": {"size": len(newest), "since": 0, "limit": limit}})

    async def delete(self, request: web.Request) -> web.Response:
        self.asked.append(f"DELETE {request.path_qs}")
        if request.headers.get("X-Gotify-Key") != CLIENT_TOKEN:
            return _error(401, "Unauthorized", "you need to provide a valid access token or user credentials")
        kept = [one for one in self.messages if str(one["id"]) != request.match_info["id"]]
        if len(kept) == len(self.messages):
            return _error(404, "Not Found", "message does not exist")
        self.messages[:] = kept
        return web.Response()


@asynccontextmanager
async def serving() -> AsyncIterator[GotifyServer]:
    """The server on a free port of loopback."""
    server = GotifyServer()
    app = web.Application()
    app.add_routes(
        [
            web.post("/message", server.post),
            web.get("/message", server.get),
            web.get("/application/1/message", server.get),
            web.delete("/message/{id}", server.delete),
        ]
    )
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
