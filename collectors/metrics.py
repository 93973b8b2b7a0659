"""What the agent tells of itself on /metrics."""

from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from runtime.metrics import PREFIX

LOOK_BUCKETS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)


@dataclass(frozen=True, slots=True)
class AgentMetrics:
    """Looks, spool, clock skew. What is sent and acknowledged is in `KafkaMetrics`."""

    looks: Counter
    look_seconds: Histogram
    looks_missed: Counter
    spool_events: Gauge
    spool_bytes: Gauge
    spool_oldest_seconds: Gauge
    spool_dropped: Counter
    spool_refused: Counter
    spools_set_aside: Counter
    clock_skew_seconds: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """Return the metrics, registered."""
        return cls(
            looks=Counter(f"{PREFIX}looks", "Looks, by how they ended.", ["collector", "status"], registry=registry),
            look_seconds=Histogram(
                f"{PREFIX}look_seconds", "How long looks took.", ["collector"], buckets=LOOK_BUCKETS, registry=registry
            ),
            looks_missed=Counter(
                f"{PREFIX}looks_missed",
                "Looks that were due while the one before was under way, or nothing could be kept.",
                ["collector", "reason"],
                registry=registry,
            ),
            spool_events=Gauge(f"{PREFIX}spool_events", "Events that wait to be sent.", registry=registry),
            spool_bytes=Gauge(f"{PREFIX}spool_bytes", "Bytes that the spool holds on disk.", registry=registry),
            spool_oldest_seconds=Gauge(
                f"{PREFIX}spool_oldest_seconds", "Age of the oldest event that waits; 0: none.", registry=registry
            ),
            spool_dropped=Counter(
                f"{PREFIX}spool_dropped", "Metric events dropped for want of room or for age.", registry=registry
            ),
            spool_refused=Counter(
                f"{PREFIX}spool_refused", "Looks that could not be kept.", ["error_code"], registry=registry
            ),
            spools_set_aside=Counter(
                f"{PREFIX}spools_set_aside", "Damaged spool files that were set aside.", registry=registry
            ),
            clock_skew_seconds=Gauge(
                f"{PREFIX}clock_skew_seconds", "Append time minus sending time, as last measured.", registry=registry
            ),
        )


@dataclass(frozen=True, slots=True)
class CacheMetrics:
    """What was answered without a look, and what was not."""

    hits: Counter
    misses: Counter
    shared: Counter
    evictions: Counter

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """Return the metrics, registered."""

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"{PREFIX}cache_{name}", what, labels, registry=registry)

        return cls(
            hits=counter("hits", "Looks asked for that were answered by what was kept.", "collector"),
            misses=counter("misses", "Looks asked for that had to be made.", "collector"),
            shared=counter("shared_runs", "Looks asked for that shared one that was under way.", "collector"),
            evictions=counter("evictions", "Answers let go for want of room."),
        )
