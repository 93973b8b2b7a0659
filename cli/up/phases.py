"""How long each step of starting took, told as it happens."""

from collections.abc import Callable

from runtime.clock import Clock


class Phases:
    """Seconds since the start at which each step was done; each is told once, to `tell`."""

    def __init__(self, clock: Clock, *, tell: Callable[[str], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._started = clock.monotonic()
        self.done: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic() - self._started

    def reached(self, name: str) -> None:
        """Say that a step is done. Saying it again changes nothing."""
        if name not in self.done:
            self.done[name] = self.elapsed
            self._tell(f"{name} after {self.done[name]:.1f} s")
