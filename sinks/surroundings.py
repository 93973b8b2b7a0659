"""What a sink's process gives to its parts."""

from dataclasses import dataclass

from runtime.clock import Clock
from runtime.health import Readiness
from runtime.log import Logger
from runtime.metrics import KafkaMetrics
from runtime.process import Stop


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Time, the wish to stop, and where to say how it goes."""

    clock: Clock
    stop: Stop
    log: Logger
    readiness: Readiness
    kafka_metrics: KafkaMetrics
