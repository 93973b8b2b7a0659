"""The liveness clock of a partition: counted in ticks, so that a pause of the broker or the workers is no silence."""

from dataclasses import dataclass

MOST_PERIODS = 2
"""How many periods one tick moves the clock at most."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """Milliseconds of liveness so far; the append time (ms since 1970) and the period of the last tick."""

    clock_ms: int = 0
    ticked_ms: int | None = None
    period_ms: int = 0

    def tick(self, appended_ms: int, period_seconds: float) -> "Liveness":
        """The clock after a tick: on by the append time since the tick before, at most two periods."""
        period_ms = int(period_seconds * 1000)
        if self.ticked_ms is None:
            return Liveness(self.clock_ms, appended_ms, period_ms)
        moved = min(max(appended_ms - self.ticked_ms, 0), MOST_PERIODS * period_ms)
        return Liveness(self.clock_ms + moved, appended_ms, period_ms)
