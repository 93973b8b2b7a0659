"""How much a receiver may still get: the bucket of tokens of its rate limit, and what it got lately."""

from dataclasses import replace

from runtime.durations import written
from streams.alerts.lengths import milliseconds
from streams.notifications.draft import Draft
from streams.notifications.policy import RateLimit
from streams.notifications.state import RECEIVER, Receiver


class Purse:
    """A receiver's, during one tick. Tokens grow with the liveness clock: a pause of the workers fills no bucket."""

    def __init__(self, draft: Draft, receiver: str) -> None:
        self._draft = draft
        self._name = receiver
        self._limit: RateLimit | None = draft.policy.receivers[receiver].rate_limit
        self._burst = draft.policy.burst
        full = float(self._limit.messages) if self._limit else 0.0
        self._part: Receiver = draft.get(RECEIVER, receiver) or Receiver(full, draft.now_ms)

    def take(self) -> bool:
        """Pay for one message; False: there is not enough."""
        if self._limit is None:
            return True
        tokens = self._tokens(self._limit)
        if tokens < 1:
            return False
        self._put(replace(self._part, tokens=tokens - 1, at_ms=self._draft.now_ms))
        return True

    @property
    def why_not(self) -> str:
        """What to say when there is not enough."""
        if self._limit is None:
            return ""
        limit = f"{self._limit.messages} messages in {written(self._limit.per)}"
        return f"{self._name} had its {limit}: it comes with the next digest"

    def told_lately(self) -> int:
        """How many alerts were told one by one within the window of bursts."""
        return sum(count for at_ms, count in self._part.recent if self._draft.now_ms - at_ms < self._window_ms)

    @property
    def in_digest(self) -> bool:
        """Whether a digest was told so lately that the rest waits for the next."""
        told_ms = self._part.digest_ms
        return told_ms is not None and self._draft.now_ms - told_ms < self._window_ms

    def tell(self, alerts: int) -> None:
        """Count alerts that were told one by one."""
        if self._burst is not None:
            lately = tuple(one for one in self._part.recent if self._draft.now_ms - one[0] < self._window_ms)
            self._put(replace(self._part, recent=(*lately, (self._draft.now_ms, alerts))))

    def tell_digest(self) -> None:
        """A digest of a burst was told."""
        self._put(replace(self._part, recent=(), digest_ms=self._draft.now_ms))

    def _tokens(self, limit: RateLimit) -> float:
        grown = (self._draft.now_ms - self._part.at_ms) * limit.messages / milliseconds(limit.per)
        return min(float(limit.messages), self._part.tokens + grown)

    @property
    def _window_ms(self) -> int:
        return 0 if self._burst is None else milliseconds(self._burst.window)

    def _put(self, part: Receiver) -> None:
        self._part = part
        self._draft.put(RECEIVER, self._name, part)
