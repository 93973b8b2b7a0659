"""Delivering one request: look whether it is there, send, try again, give up; what became of it is returned."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from schemas.notification import NotificationRequested
from sinks.gotify import outcomes
from sinks.gotify.message import message_of
from sinks.gotify.metrics import GotifyMetrics
from sinks.gotify.outcomes import Outcome
from sinks.gotify.pace import Bucket, next_wait
from sinks.gotify.port import Away, Gotify, Misconfigured, Refused
from sinks.settings import GotifySettings
from sinks.surroundings import Surroundings

READY = "gotify"
"""The name of the readiness condition."""


class Abandoned(Exception):
    """Asked to stop, or not ours any more: nothing is known of the outcome, the request is read again by the next."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The outcome, and for a failure the reason code of its dead letter."""

    outcome: Outcome
    attempts: int
    letter: str | None = None
    message: str = ""


@dataclass(slots=True)
class Deliverer:
    """Delivers to one server, one message at a time. `server` None: none is configured."""

    server: Gotify | None
    settings: GotifySettings
    around: Surroundings
    metrics: GotifyMetrics
    bucket: Bucket = field(init=False)
    _seen: dict[UUID, str] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        now = self.around.clock.monotonic()
        self.bucket = Bucket(self.settings.rate_per_s, self.settings.burst, float(self.settings.burst), now)

    def forget_seen(self) -> None:
        """Look again at what is there: another process may have sent since."""
        self._seen = None

    async def deliver(self, request: NotificationRequested, *, look_first: bool, ours: Callable[[], bool]) -> Delivery:
        """Return what became of it. `ours` is asked before each attempt. Raises Abandoned."""
        if self.server is None:
            self.metrics.outcomes.labels("suppressed").inc()
            return Delivery(outcomes.not_configured(request, now=self.around.clock.now()), 0)
        begun, attempt = self.around.clock.monotonic(), 0
        while True:
            attempt += 1
            try:
                return await self._attempt(self.server, request, attempt=attempt, look_first=look_first, ours=ours)
            except Refused as error:
                return self._failed(request, f"http_{error.status}", str(error), attempts=attempt)
            except Away as error:
                why, retry_after_s = str(error), error.retry_after_s
                if error.maybe_taken:
                    look_first, self._seen = True, None
            except Misconfigured as error:
                why, retry_after_s = str(error), None
            self.metrics.retries.inc()
            wait_s = next_wait(
                attempt,
                self.settings,
                tried_for_s=self.around.clock.monotonic() - begun,
                retry_after_s=retry_after_s,
                chance=random.random(),  # noqa: S311 - spreads retries, no secret
            )
            if wait_s is None:
                return self._failed(request, "gave_up", f"given up after {attempt} attempts: {why}", attempts=attempt)
            self.around.readiness.set(READY, ok=False, why=why)
            self.around.log.warning("waiting", why=why, attempt=attempt, next_try_s=round(wait_s, 1))
            await self._pause(wait_s)

    async def _attempt(
        self,
        server: Gotify,
        request: NotificationRequested,
        *,
        attempt: int,
        look_first: bool,
        ours: Callable[[], bool],
    ) -> Delivery:
        found = await self._there(server, request) if look_first else None
        if found is not None:
            return self._delivered(request, found, attempts=attempt, already_there=True)
        self.bucket, wait_s = self.bucket.taken(self.around.clock.monotonic())
        if wait_s > 0:
            await self._pause(wait_s)
        if self.around.stop.asked or not ours():
            raise Abandoned
        message_id = await server.send(message_of(request, self.settings))
        return self._delivered(request, message_id, attempts=attempt, already_there=False)

    async def _there(self, server: Gotify, request: NotificationRequested) -> str | None:
        """Look for the message among the newest; without a client token, say that it may come twice."""
        if self._seen is None:
            why = f"set {self.settings.variable('client_token')}, and no message is sent twice"
            try:
                self._seen = await server.recent()
            except Misconfigured as error:
                # Better told twice than not at all.
                why = f"{error} ({self.settings.variable('client_token')})"
            if self._seen is None:
                self.around.log.warning("sent again, perhaps twice", request_id=str(request.id), why=why)
                return None
        return self._seen.get(request.id)

    def _delivered(
        self, request: NotificationRequested, message_id: str, *, attempts: int, already_there: bool
    ) -> Delivery:
        self.around.readiness.set(READY, ok=True)
        self.metrics.outcomes.labels("delivered").inc()
        now = self.around.clock.now()
        event = outcomes.delivered(request, message_id, attempts=attempts, already_there=already_there, now=now)
        return Delivery(event, attempts)

    def _failed(self, request: NotificationRequested, code: str, message: str, *, attempts: int) -> Delivery:
        self.metrics.outcomes.labels("failed").inc()
        self.around.log.error("not delivered", request_id=str(request.id), why=message)
        event = outcomes.failed(request, code, message, attempts=attempts, now=self.around.clock.now())
        return Delivery(event, attempts, letter=code, message=message)

    async def _pause(self, seconds: float) -> None:
        if await self.around.stop.wait(seconds):
            raise Abandoned
