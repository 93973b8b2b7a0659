"""When to send, what to send together, and when to stop trying. Pure: time is an argument."""

from collections.abc import Sequence
from dataclasses import dataclass

from runtime.backoff import Backoff

LONGEST_S = 60.0
MOST_RESPECTED_S = 3600.0
MOST_TOGETHER = 500
"""So many requests at most are told in one message."""


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


@dataclass(frozen=True, slots=True)
class Digesting:
    """More than `over` that wait are one message, and so are those that have waited longer than `after_s` seconds."""

    over: int
    after_s: float


def together(waited_s: Sequence[float], digesting: Digesting | None) -> int:
    """How many of those that wait are told in one message now. `waited_s`: how long each has, in order of the log."""
    if digesting is None:
        return min(len(waited_s), 1)
    if len(waited_s) > digesting.over:
        return min(len(waited_s), MOST_TOGETHER)
    long = 0
    while long < len(waited_s) and waited_s[long] > digesting.after_s:
        long += 1
    return min(max(long, 1), len(waited_s))


def next_wait(
    attempt: int,
    *,
    first_s: float,
    give_up_after_s: float,
    tried_for_s: float,
    retry_after_s: float | None,
    chance: float,
) -> float | None:
    """Seconds to wait after failed attempt `attempt` (from 1); None: give up. The server's own wish is respected."""
    backoff = Backoff(first_s=first_s, longest_s=LONGEST_S)
    wait_s = max(backoff.wait_s(attempt, chance), min(retry_after_s or 0.0, MOST_RESPECTED_S))
    return None if tried_for_s + wait_s > give_up_after_s else wait_s
