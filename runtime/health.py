"""`/metrics`, `/healthz` and `/readyz` of a process, served by a thread of its own.

A thread, so that a stuck event loop still answers, and is seen to be stuck: `/healthz` fails when the loop has not
beaten for a while.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from runtime.errors import PortTaken
from runtime.redact import Redactor, sanitised
from runtime.settings.http import HttpSettings

STUCK_AFTER_S = 30.0
"""A process that beats and then is silent for so long is not alive any more."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing a process needs to be ready, and why it is or is not."""

    ok: bool
    why: str


class Readiness:
    """The conditions of a process, by name: ready when there is one and all are met. Threads may share it."""

    def __init__(self, *names: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._monotonic = monotonic
        self._conditions = {name: Condition(ok=False, why="starting") for name in names}
        self._beaten: float | None = None

    def set(self, name: str, ok: bool, why: str = "") -> None:  # noqa: FBT001 - reads well: set("kafka", True)
        """Say whether `name` is met, and why not."""
        with self._lock:
            self._conditions[name] = Condition(ok, sanitised(Redactor().text(why)))

    def beat(self) -> None:
        """Say that the main loop goes round. Who never calls it is never thought stuck."""
        self._beaten = self._monotonic()

    @property
    def conditions(self) -> dict[str, Condition]:
        """All conditions by name."""
        with self._lock:
            return dict(self._conditions)

    @property
    def ready(self) -> bool:
        """Whether all conditions are met."""
        conditions = self.conditions
        return bool(conditions) and all(condition.ok for condition in conditions.values())

    @property
    def silent_s(self) -> float:
        """Seconds since the last beat, 0 before the first."""
        return 0.0 if self._beaten is None else self._monotonic() - self._beaten

    @property
    def alive(self) -> bool:
        """Whether the main loop is known to go round."""
        return self.silent_s < STUCK_AFTER_S


class HealthServer:
    """The HTTP server of one process; `port` is the one it really listens on."""

    def __init__(
        self, registry: CollectorRegistry, settings: HttpSettings, *, readiness: Readiness, port: int = 0
    ) -> None:
        """Listen at once, on the settings' port, else on `port` (0: any free one). Raises PortTaken."""
        wanted = port if settings.port is None else settings.port
        try:
            self._server = _Server((settings.host, wanted), _Handler)
        except OSError as error:
            raise PortTaken(
                f"cannot listen on {settings.host}:{wanted} ({(error.strerror or str(error)).lower()}): "
                f"stop what listens there, or set {settings.variable('port')}",
                operation="serve health",
                port=wanted,
            ) from error
        self._server.registry = registry
        self._server.readiness = readiness
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="health", daemon=True
        )

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering, within a fraction of a second."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(timeout=2)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Restarts come quicker than the kernel forgets the last connections.
    allow_reuse_address = True
    registry: CollectorRegistry
    readiness: Readiness

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away before its answer: of itself it would write a traceback."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "infrastructor"
    sys_version = ""
    timeout = 5

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/metrics":
                encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                self._answer(200, encode(self.server.registry), content_type)
            case "/healthz":
                self._tell(self.server.readiness.alive)
            case "/readyz":
                self._tell(self.server.readiness.ready and self.server.readiness.alive)
            case _:
                self._answer(404, b"try /metrics, /healthz or /readyz\n", "text/plain")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in http.server
        """Log nothing: a scrape every few seconds is no news."""

    def _tell(self, good: bool) -> None:  # noqa: FBT001
        readiness = self.server.readiness
        body = {
            "ok": good,
            "silent_s": round(readiness.silent_s, 1),
            "conditions": {name: {"ok": c.ok, "why": c.why} for name, c in readiness.conditions.items()},
        }
        self._answer(200 if good else 503, json.dumps(body).encode() + b"\n", "application/json")

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
