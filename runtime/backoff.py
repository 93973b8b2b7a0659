"""How long to wait before trying again: pure, so that it is tested as a table of numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds: the first wait, the factor from one to the next, the longest, and the share that is left to chance."""

    first_s: float = 0.5
    factor: float = 2.0
    longest_s: float = 30.0
    jitter: float = 0.2

    def wait_s(self, attempt: int, chance: float = 0.5) -> float:
        """Return the wait after failed attempt `attempt` (from 1); `chance` in 0..1 spreads it by ±`jitter`."""
        # The exponent is bounded: 2.0 ** 1100 overflows after some hours of a broker that is away.
        plain = min(self.longest_s, self.first_s * self.factor ** min(attempt - 1, 64))
        return plain * (1 + self.jitter * (2 * chance - 1))
