"""When to send, and when to stop trying. Pure: time is an argument."""

from dataclasses import dataclass

from runtime.backoff import Backoff
from sinks.settings import GotifySettings

LONGEST_S = 60.0
MOST_RESPECTED_S = 3600.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: `rate` messages a second over some time, `burst` at once. `at` is a monotonic time, seconds."""

    rate: float
    burst: int
    level: float
    at: float

    def taken(self, now: float) -> tuple["Bucket", float]:
        """The bucket after one more message, and how long that message has to wait, seconds."""
        level = min(float(self.burst), self.level + (now - self.at) * self.rate) - 1
        wait_s = max(0.0, -level / self.rate)
        return Bucket(self.rate, self.burst, level, now), wait_s


def next_wait(
    attempt: int,
    settings: GotifySettings,
    *,
    tried_for_s: float,
    retry_after_s: float | None,
    chance: float,
) -> float | None:
    """Seconds to wait after failed attempt `attempt` (from 1); None: give up. The server's own wish is respected."""
    backoff = Backoff(first_s=settings.retry_first_s, longest_s=LONGEST_S)
    wait_s = max(backoff.wait_s(attempt, chance), min(retry_after_s or 0.0, MOST_RESPECTED_S))
    return None if tried_for_s + wait_s > settings.give_up_after_s else wait_s
