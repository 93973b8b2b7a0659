"""Whether this process went on all the time: one that was stopped for long may have lost its partitions unknowingly."""

from runtime.clock import Clock
from runtime.errors import InfrastructorError
from runtime.process import Stop

BEAT_S = 0.5


class Paused(InfrastructorError):
    """A process that stood still for so long that its partitions may be another's by now."""

    error_code = "paused"
    exit_code = 75
    retryable = True


class Pulse:
    """Beats while the event loop goes round; a beat that is late by `most_s` was a pause, which is remembered."""

    def __init__(self, clock: Clock, *, most_s: float) -> None:
        self._clock = clock
        self._most_s = most_s
        self._last = clock.monotonic()
        self._longest = 0.0

    def check(self) -> None:
        """Raise Paused when there was a pause. To be called before what only an owner may write."""
        now = self._clock.monotonic()
        self._longest = max(self._longest, now - self._last)
        if self._longest > self._most_s:
            raise Paused(
                f"this worker stood still for {self._longest:.0f} s, its partitions may be another's by now: "
                "it ends, to be started again",
                operation="derive",
            )

    async def beat(self, stop: Stop) -> None:
        """Beat until asked to stop. Raises Paused."""
        while not await stop.wait(BEAT_S):
            self.check()
            self._last = self._clock.monotonic()
