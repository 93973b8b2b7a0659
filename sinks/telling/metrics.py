"""What a sink that tells counts."""

from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, Counter

from runtime.metrics import PREFIX


@dataclass(frozen=True, slots=True)
class TellingMetrics:
    """Counters of one sink process."""

    outcomes: Counter
    retries: Counter
    digests: Counter

    @classmethod
    def on(cls, registry: CollectorRegistry, receiver: str) -> Self:
        """The metrics, registered: their names begin with the receiver's."""
        prefix = f"{PREFIX}{receiver}_"
        return cls(
            outcomes=Counter(
                f"{prefix}notifications", "Requests by what became of them.", ["outcome"], registry=registry
            ),
            retries=Counter(f"{prefix}retries", "Attempts that failed and were made again.", registry=registry),
            digests=Counter(f"{prefix}digests", "Messages that told of several requests.", registry=registry),
        )
