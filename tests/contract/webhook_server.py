"""A webhook for tests: an HTTP server that checks signatures as docs/notifying.md says, and takes each id once."""

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

SECRET = "0123456789abcdef-first"


def snippet() -> Callable[..., bool]:
    """The function that the documentation tells receivers to use."""
    page = (Path(__file__).parents[2] / "docs" / "notifying.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    found: Callable[..., bool] = names["is_ours"]
    return found


@dataclass
class WebhookServer:
    """What came, in order; `taken` has each id once."""

    url: str = ""
    secret: str = SECRET
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: deque[tuple[int, str, dict[str, str]]] = field(default_factory=deque)
    """Given to the next requests in place of taking the event: status, body, headers."""
    hang_s: float = 0.0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by each request."""

    def __post_init__(self) -> None:
        self._is_ours = snippet()

    async def post(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((dict(request.headers), body))
        self.arrived.set()
        if self.answers:
            status, text, headers = self.answers.popleft()
            return web.Response(status=status, text=text, headers=headers)
        if not self._is_ours(request.headers["X-Infrastructor-Signature"], body, self.secret):
            return web.Response(status=401, text="not signed by anybody we know")
        event = json.loads(body)
        assert event["id"] == request.headers["Idempotency-Key"]
        self.taken.setdefault(event["id"], event)
        if self.hang_s:
            await asyncio.sleep(self.hang_s)
        return web.Response(status=204)


@asynccontextmanager
async def webhook_server() -> AsyncIterator[WebhookServer]:
    """The server on a free port of loopback."""
    server = WebhookServer()
    app = web.Application()
    app.add_routes([web.post("/hooks/{name}", server.post)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/nbr-place"
    try:
        yield server
    finally:
        await runner.cleanup()
