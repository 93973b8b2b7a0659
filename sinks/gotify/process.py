"""The Gotify sink put together from its settings."""

from prometheus_client import CollectorRegistry

from runtime.kafka.admin import require_topics
from runtime.kafka.catalog import load_catalog
from runtime.kafka.connect import Waiting
from runtime.kafka.producer import KafkaProducer
from runtime.settings import KafkaSettings, load
from sinks.gotify.client import GotifyClient
from sinks.gotify.deliver import READY, Deliverer
from sinks.gotify.metrics import GotifyMetrics
from sinks.gotify.port import Gotify
from sinks.gotify.service import GROUP, TOPICS, GotifySink
from sinks.process import run_sink
from sinks.settings import GotifySettings
from sinks.surroundings import Surroundings

PORT = 9467
"""Where metrics and health are when no setting says otherwise."""


def run_gotify(*, version: str) -> int:
    """Run the sink until a signal; return the exit code. Raises SettingsInvalid before it runs."""
    kafka, settings = load(KafkaSettings), load(GotifySettings)

    async def serve(around: Surroundings, registry: CollectorRegistry) -> None:
        client = GotifyClient(settings) if settings.configured else None
        if client is None:
            around.log.warning("no Gotify is configured: nobody is told, and that is recorded")
        else:
            around.log.info("telling", gotify=settings.url)
        try:
            await build(kafka, settings, server=client, around=around, registry=registry).run()
        finally:
            if client is not None:
                await client.close()

    return run_sink(serve, kafka, settings, name="sink-gotify", version=version, port=PORT)


def build(
    kafka: KafkaSettings,
    settings: GotifySettings,
    *,
    server: Gotify | None,
    around: Surroundings,
    registry: CollectorRegistry,
) -> GotifySink:
    """The sink on a real Kafka, not yet connected."""

    async def require(waiting: Waiting) -> None:
        await require_topics(kafka, load_catalog(kafka), TOPICS, waiting=waiting)

    around.readiness.set(READY, ok=True)
    deliverer = Deliverer(server, settings, around, GotifyMetrics.on(registry))
    return GotifySink(kafka, deliverer, producer=KafkaProducer(kafka, GROUP), around=around, require=require)
