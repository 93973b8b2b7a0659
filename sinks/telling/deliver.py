"""Delivering requests: look whether they are there, send, try again, give up; what became of each is returned."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from schemas.notification import NotificationRequested
from sinks.surroundings import Surroundings
from sinks.telling.metrics import TellingMetrics
from sinks.telling.outcomes import Outcome, Outcomes
from sinks.telling.pace import Bucket, next_wait
from sinks.telling.port import Away, Desk, Misconfigured, Receiver, Refused
from sinks.telling.settings import TellingSettings

Requests = Sequence[NotificationRequested]


class Abandoned(Exception):
    """Asked to stop, or not ours any more: nothing is known of the outcome, the request is read again by the next."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The outcome of a request, and for a failure the reason code of its dead letter."""

    outcome: Outcome
    attempts: int
    letter: str | None = None
    message: str = ""


@dataclass(slots=True)
class Deliverer:
    """Delivers to one receiver, one message at a time. `receiver` None: none is configured."""

    desk: Desk
    receiver: Receiver | None
    settings: TellingSettings
    around: Surroundings
    metrics: TellingMetrics
    bucket: Bucket = field(init=False)

    def __post_init__(self) -> None:
        now = self.around.clock.monotonic()
        self.bucket = Bucket(self.settings.rate_per_s, self.settings.burst, float(self.settings.burst), now)

    def forget_seen(self) -> None:
        """Look again at what is there: another process may have sent since."""
        if self.receiver is not None:
            self.receiver.forget()

    async def deliver(self, requests: Requests, *, look_first: bool, ours: Callable[[], bool]) -> list[Delivery]:
        """Tell of the requests in one message; return what became of each, in their order.

        `ours` is asked before each attempt. Raises Abandoned; Refused where there are several, for then nobody knows
        which of them is at fault.
        """
        if self.receiver is None:
            self.metrics.outcomes.labels("suppressed").inc(len(requests))
            now = self.around.clock.now()
            return [Delivery(Outcomes(self.desk).not_configured(one, now=now), 0) for one in requests]
        begun, attempt = self.around.clock.monotonic(), 0
        while True:
            attempt += 1
            try:
                return await self._attempt(self.receiver, requests, attempt=attempt, look_first=look_first, ours=ours)
            except Refused as error:
                if len(requests) > 1:
                    raise
                return self._failed(requests, f"http_{error.status}", str(error), attempts=attempt)
            except Away as error:
                why, retry_after_s = str(error), error.retry_after_s
                if error.maybe_taken:
                    look_first = True
                    self.receiver.forget()
            except Misconfigured as error:
                why, retry_after_s = str(error), None
            if not await self._waited(attempt, begun=begun, retry_after_s=retry_after_s, why=why):
                said = f"given up after {attempt} attempts: {why}"
                return self._failed(requests, "gave_up", said, attempts=attempt)

    async def _waited(self, attempt: int, *, begun: float, retry_after_s: float | None, why: str) -> bool:
        """Wait for the next attempt; False when there shall be none."""
        wait_s = next_wait(
            attempt,
            first_s=self.settings.retry_first_s,
            give_up_after_s=self.settings.give_up_after_s,
            tried_for_s=self.around.clock.monotonic() - begun,
            retry_after_s=retry_after_s,
            chance=random.random(),  # noqa: S311 - spreads retries, no secret
        )
        if wait_s is None:
            return False
        self.metrics.retries.inc()
        self.around.readiness.set(self.desk.receiver, ok=False, why=why)
        self.around.log.warning("waiting", why=why, attempt=attempt, next_try_s=round(wait_s, 1))
        await self._pause(wait_s)
        return True

    async def _attempt(
        self,
        receiver: Receiver,
        requests: Requests,
        *,
        attempt: int,
        look_first: bool,
        ours: Callable[[], bool],
    ) -> list[Delivery]:
        found = dict[UUID, str]()
        if look_first and not receiver.takes_once:
            found = await self._there(receiver, requests)
        new = [request for request in requests if request.id not in found]
        message_id: str | None = None
        if new:
            self.bucket, wait_s = self.bucket.taken(self.around.clock.monotonic())
            if wait_s > 0:
                await self._pause(wait_s)
            if self.around.stop.asked or not ours():
                raise Abandoned
            message_id = await receiver.send(new)
            self.metrics.digests.inc(len(new) > 1)
        self.around.readiness.set(self.desk.receiver, ok=True)
        self.metrics.outcomes.labels("delivered").inc(len(requests))
        outcomes, now = Outcomes(self.desk), self.around.clock.now()
        return [
            Delivery(
                outcomes.delivered(
                    request,
                    found.get(request.id, message_id),
                    attempts=attempt,
                    already_there=request.id in found,
                    now=now,
                ),
                attempt,
            )
            for request in requests
        ]

    async def _there(self, receiver: Receiver, requests: Requests) -> dict[UUID, str]:
        """Look which are there; where we may not look, say that they may come twice."""
        why = "it cannot be asked what is there: with the token of a client, no message is sent twice"
        try:
            found = await receiver.there(requests)
        except Misconfigured as error:
            # Better told twice than not at all.
            found, why = None, str(error)
        if found is None:
            ids = [str(request.id) for request in requests]
            self.around.log.warning("sent again, perhaps twice", request_ids=ids, why=why)
            return {}
        return dict(found)

    def _failed(self, requests: Requests, code: str, message: str, *, attempts: int) -> list[Delivery]:
        self.metrics.outcomes.labels("failed").inc(len(requests))
        self.around.log.error("not delivered", request_ids=[str(request.id) for request in requests], why=message)
        outcomes, now = Outcomes(self.desk), self.around.clock.now()
        return [
            Delivery(
                outcomes.failed(request, code, message, attempts=attempts, now=now),
                attempts,
                letter=code,
                message=message,
            )
            for request in requests
        ]

    async def _pause(self, seconds: float) -> None:
        if await self.around.stop.wait(seconds):
            raise Abandoned
