"""The webhook sink put together from its settings."""

from prometheus_client import CollectorRegistry

from runtime.settings import KafkaSettings, load
from sinks.process import run_sink
from sinks.surroundings import Surroundings
from sinks.telling.process import build_sink
from sinks.webhook.receiver import DESK, WebhookReceiver
from sinks.webhook.settings import WebhookSettings

PORT = 9468
"""Where metrics and health are when no setting says otherwise."""


def run_webhook(*, version: str) -> int:
    """Run the sink until a signal; return the exit code. Raises SettingsInvalid before it runs."""
    kafka, settings = load(KafkaSettings), load(WebhookSettings)

    async def serve(around: Surroundings, registry: CollectorRegistry) -> None:
        receiver = WebhookReceiver(settings, around.clock) if settings.configured else None
        if receiver is None:
            around.log.warning("no webhook is configured: nobody is told, and that is recorded")
        sink = build_sink(DESK, receiver, kafka=kafka, settings=settings, around=around, registry=registry)
        try:
            await sink.run()
        finally:
            if receiver is not None:
                await receiver.close()

    return run_sink(serve, kafka, settings, name="sink-webhook", version=version, port=PORT)
