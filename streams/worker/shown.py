"""What a worker shows of itself: readiness and gauges, looked at twice a second."""

import time

from runtime.health import Readiness
from runtime.metrics import KafkaMetrics
from runtime.process import Stop
from streams.worker.metrics import StreamsMetrics
from streams.worker.owned import Ownership
from streams.worker.rulebook import Rulebook
from streams.worker.writing import PatientSender

LOOK_S = 0.5

STALLED_S = 20.0
"""A partition with records to read and none read for so long: not ready. Long before the watchdog ends the worker."""


class Shown:
    """Tells of what is owned and how far behind it is, whether Kafka answers, and which rules are not in force."""

    def __init__(
        self,
        ownership: Ownership,
        *,
        rulebook: Rulebook,
        sender: PatientSender,
        readiness: Readiness,
        metrics: StreamsMetrics,
        kafka_metrics: KafkaMetrics,
    ) -> None:
        self._ownership = ownership
        self._rulebook = rulebook
        self._sender = sender
        self._readiness = readiness
        self._metrics = metrics
        self._kafka_metrics = kafka_metrics

    async def run(self, stop: Stop) -> None:
        """Show it until asked to stop; each look is a beat of the loop."""
        while not await stop.wait(LOOK_S):
            self._readiness.beat()
            self.show()

    def show(self) -> None:
        """Set conditions and gauges to what is the case now."""
        readiness = self._readiness
        trouble = self._sender.trouble()
        readiness.set("kafka", ok=trouble is None, why=trouble or "")
        taken = self._ownership.generation > 0
        readiness.set("partitions", ok=taken, why="" if taken else "waiting for the assignment and recovery")
        stalled_s = self._ownership.stalled_s(time.monotonic())
        stalled = stalled_s > STALLED_S
        why = f"a partition has records to read and got no further for {stalled_s:.0f} s" if stalled else ""
        readiness.set("reading", ok=not stalled, why=why)
        self._show_partitions()
        self._show_rules()

    def _show_partitions(self) -> None:
        counts = {one.name: 0 for one in self._ownership.derivations.values()}
        for owned in self._ownership:
            counts[owned.derivation.name] += 1
            self._kafka_metrics.lag.labels(owned.topic, owned.partition).set(owned.lag)
        for name, count in counts.items():
            self._metrics.partitions.labels(name).set(count)

    def _show_rules(self) -> None:
        """A wrong file stops nothing: the rules in force go on. So it is told, and the worker stays ready."""
        refused = self._rulebook.refused
        for kind in self._rulebook.kinds:
            self._metrics.rules_refused.labels(kind).set(kind in refused)
        self._readiness.set("rules", ok=True, why="; ".join(sorted(set(refused.values()))))
