"""Prometheus metrics without a global registry: each process makes one and passes it on.

A part defines a frozen dataclass of its metrics, built on the registry it is given, so that two of them in one test do
not meet.
"""

from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Gauge, PlatformCollector, ProcessCollector

PREFIX = "infrastructor_"


def new_registry(*, process: str, version: str) -> CollectorRegistry:
    """Return a registry that tells memory, CPU and open files of this process, and what it is."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    build = Gauge(
        f"{PREFIX}build_info",
        "Which process of which version this is; always 1.",
        ["process", "version"],
        registry=registry,
    )
    build.labels(process, version).set(1)
    return registry


@dataclass(frozen=True, slots=True)
class KafkaMetrics:
    """What every process that talks to Kafka counts."""

    sent: Counter
    send_failures: Counter
    rebuilt: Counter
    dead_letters: Counter
    lag: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """Return the metrics, registered."""
        return cls(
            sent=Counter(f"{PREFIX}kafka_sent", "Records acknowledged by Kafka.", ["topic"], registry=registry),
            send_failures=Counter(
                f"{PREFIX}kafka_send_failures", "Batches that were not acknowledged.", registry=registry
            ),
            rebuilt=Counter(
                f"{PREFIX}kafka_producers_rebuilt", "Producers given up after a failed batch.", registry=registry
            ),
            dead_letters=Counter(
                f"{PREFIX}dead_letters", "Records that could not be processed.", ["topic", "reason"], registry=registry
            ),
            lag=Gauge(
                f"{PREFIX}kafka_lag_records",
                "Records between the end of the log and what was processed.",
                ["topic", "partition"],
                registry=registry,
            ),
        )
