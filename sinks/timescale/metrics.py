"""What the sink counts."""

from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from runtime.metrics import PREFIX


@dataclass(frozen=True, slots=True)
class SinkMetrics:
    """Counters of one sink process."""

    rows: Counter
    records: Counter
    batches: Counter
    batch_seconds: Histogram
    merged: Counter
    fenced: Counter
    conflicts: Counter
    duplicates: Counter
    refused: Counter
    retries: Counter
    missing: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """The metrics, registered."""

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"{PREFIX}sink_{name}", what, labels, registry=registry)

        return cls(
            rows=counter("rows", "Rows stored.", "table"),
            records=counter("records", "Records read from the log.", "topic"),
            batches=counter("batches", "Batches committed."),
            batch_seconds=Histogram(
                f"{PREFIX}sink_batch_seconds",
                "From handing a batch to the database to its commit.",
                buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
                registry=registry,
            ),
            merged=counter("merged_batches", "Batches merged by key, for a row was there already."),
            fenced=counter("fenced", "Partitions found moved by another writer."),
            conflicts=counter("conflicts", "Samples whose series and time another event had claimed."),
            duplicates=counter("duplicates", "Records that repeat what is stored."),
            refused=counter("refused", "Records that became dead letters.", "reason"),
            retries=counter("retries", "Attempts at the database that failed."),
            missing=Gauge(
                f"{PREFIX}sink_missing_events",
                "Events missing in sequences: in open gaps (told), or in holes that may close by themselves (watched).",
                ["state"],
                registry=registry,
            ),
        )
