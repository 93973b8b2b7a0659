"""A sink that tells, put together."""

from prometheus_client import CollectorRegistry

from runtime.kafka.admin import require_topics
from runtime.kafka.catalog import load_catalog
from runtime.kafka.connect import Waiting
from runtime.kafka.producer import KafkaProducer
from runtime.settings import KafkaSettings
from sinks.surroundings import Surroundings
from sinks.telling.deliver import Deliverer
from sinks.telling.metrics import TellingMetrics
from sinks.telling.port import Desk, Receiver
from sinks.telling.service import TOPICS, TellingSink
from sinks.telling.settings import TellingSettings


def build_sink(
    desk: Desk,
    receiver: Receiver | None,
    *,
    kafka: KafkaSettings,
    settings: TellingSettings,
    around: Surroundings,
    registry: CollectorRegistry,
) -> TellingSink:
    """The sink on a real Kafka, not yet connected. `receiver` None: none is configured."""

    async def require(waiting: Waiting) -> None:
        await require_topics(kafka, load_catalog(kafka), TOPICS, waiting=waiting)

    around.readiness.set(desk.receiver, ok=True)
    deliverer = Deliverer(desk, receiver, settings, around, TellingMetrics.on(registry, desk.receiver))
    return TellingSink(kafka, deliverer, producer=KafkaProducer(kafka, desk.group), around=around, require=require)
