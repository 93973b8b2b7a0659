"""The Gotify sink put together from its settings."""

from prometheus_client import CollectorRegistry

from runtime.settings import KafkaSettings, load
from sinks.gotify.client import GotifyClient
from sinks.gotify.receiver import DESK, GotifyReceiver
from sinks.gotify.settings import GotifySettings
from sinks.process import run_sink
from sinks.surroundings import Surroundings
from sinks.telling.process import build_sink

PORT = 9467
"""Where metrics and health are when no setting says otherwise."""


def run_gotify(*, version: str) -> int:
    """Run the sink until a signal; return the exit code. Raises SettingsInvalid before it runs."""
    kafka, settings = load(KafkaSettings), load(GotifySettings)

    async def serve(around: Surroundings, registry: CollectorRegistry) -> None:
        client = GotifyClient(settings) if settings.configured else None
        receiver = None if client is None else GotifyReceiver(client, settings, around.log)
        if client is None:
            around.log.warning("no Gotify is configured: nobody is told, and that is recorded")
        else:
            around.log.info("telling", gotify=settings.url)
        sink = build_sink(DESK, receiver, kafka=kafka, settings=settings, around=around, registry=registry)
        try:
            await sink.run()
        finally:
            if client is not None:
                await client.close()

    return run_sink(serve, kafka, settings, name="sink-gotify", version=version, port=PORT)
