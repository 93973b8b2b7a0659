"""When to leave a device alone: a circuit breaker, as a pure decision with the time passed in.

Closed: looks go through. After `failures` in a row it is open: looks are skipped until a wait is over, longer each
time. Then half-open: one look is let through, and decides.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

from runtime.backoff import Backoff

WAITS = Backoff(first_s=15.0, factor=2.0, longest_s=60.0, jitter=0.2)


class Circuit(IntEnum):
    """The state; the number is what the metric shows."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """Open after so many failures in a row; how long; and after `trial_s` a look let through counts as lost."""

    failures: int = 5
    waits: Backoff = WAITS
    trial_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """One device's state; times in seconds of the monotonic clock. `opened` counts openings without a success."""

    circuit: Circuit = Circuit.CLOSED
    failures: int = 0
    opened: int = 0
    until: float = 0.0

    def asked(self, now: float, policy: BreakerPolicy) -> "tuple[Breaker, bool]":
        """Return the state after a look asked to go through, and whether it may."""
        match self.circuit:
            case Circuit.CLOSED:
                return self, True
            case Circuit.OPEN | Circuit.HALF_OPEN if now >= self.until:
                # Half-open, this is a look whose end nobody told: it was cancelled.
                return replace(self, circuit=Circuit.HALF_OPEN, until=now + policy.trial_s), True
            case _:
                return self, False

    def succeeded(self) -> "Breaker":
        """Return the state after the device answered."""
        return Breaker()

    def failed(self, now: float, policy: BreakerPolicy, *, chance: float = 0.5) -> "Breaker":
        """Return the state after the device did not answer; `chance` 0..1 spreads the waits of many devices."""
        failures = self.failures + 1
        if self.circuit is Circuit.CLOSED and failures < policy.failures:
            return replace(self, failures=failures)
        if self.circuit is Circuit.OPEN:
            # One that was under way when it opened.
            return replace(self, failures=failures)
        opened = self.opened + 1
        return Breaker(Circuit.OPEN, failures, opened, now + policy.waits.wait_s(opened, chance))

    def given_up(self, now: float) -> "Breaker":
        """Return the state after a look that was let through ended without a word of the device: the next may try."""
        return replace(self, until=now) if self.circuit is Circuit.HALF_OPEN else self
