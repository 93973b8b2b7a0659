"""What the sink counts."""

from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, Counter

from runtime.metrics import PREFIX


@dataclass(frozen=True, slots=True)
class GotifyMetrics:
    """Counters of one sink process."""

    outcomes: Counter
    retries: Counter

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """The metrics, registered."""
        return cls(
            outcomes=Counter(
                f"{PREFIX}gotify_notifications", "Requests by what became of them.", ["outcome"], registry=registry
            ),
            retries=Counter(f"{PREFIX}gotify_retries", "Attempts that failed and were made again.", registry=registry),
        )
