"""What the worker counts."""

from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from runtime.metrics import PREFIX


@dataclass(frozen=True, slots=True)
class StreamsMetrics:
    """Counts by derivation."""

    records: Counter
    outputs: Counter
    notes: Counter
    batch_seconds: Histogram
    applied: Gauge
    partitions: Gauge
    states: Counter
    rules_refused: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """The metrics, registered."""
        return cls(
            records=Counter(f"{PREFIX}streams_records", "Records folded.", ["derivation"], registry=registry),
            outputs=Counter(f"{PREFIX}streams_outputs", "Events derived.", ["derivation"], registry=registry),
            notes=Counter(
                f"{PREFIX}streams_notes",
                "What was noticed and is no error: repeated, out_of_order, too_many_instances.",
                ["derivation", "note"],
                registry=registry,
            ),
            batch_seconds=Histogram(
                f"{PREFIX}streams_batch_seconds",
                "From the first record of a batch decoded to its states acknowledged.",
                ["derivation"],
                buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
                registry=registry,
            ),
            applied=Gauge(
                f"{PREFIX}streams_applied_offset",
                "The last offset whose results are stored.",
                ["topic", "partition"],
                registry=registry,
            ),
            partitions=Gauge(
                f"{PREFIX}streams_partitions", "Partitions owned by this worker.", ["derivation"], registry=registry
            ),
            states=Counter(f"{PREFIX}streams_states", "States of devices written.", ["derivation"], registry=registry),
            rules_refused=Gauge(
                f"{PREFIX}streams_rules_refused",
                "1: the file of rules or policies is wrong, older than what is in force, or differs from it unraised.",
                ["kind"],
                registry=registry,
            ),
        )
