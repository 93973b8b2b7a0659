"""The database sink put together from its settings."""

import asyncio

import psycopg
from prometheus_client import CollectorRegistry

from runtime.errors import InfrastructorError
from runtime.kafka.admin import require_topics
from runtime.kafka.catalog import load_catalog
from runtime.kafka.connect import Waiting
from runtime.kafka.producer import KafkaProducer
from runtime.postgres import connect, masked_url, translate
from runtime.settings import KafkaSettings, PostgresSettings, load
from sinks.process import run_sink
from sinks.settings import SinkSettings
from sinks.surroundings import Surroundings
from sinks.timescale.gap_watch import GapWatch
from sinks.timescale.metrics import SinkMetrics
from sinks.timescale.reader import LogReader
from sinks.timescale.service import TOPICS, TimescaleSink
from sinks.timescale.store import Store
from sinks.timescale.tables import sink_statements
from sinks.timescale.upkeep import Upkeep
from sinks.timescale.writer import Writer

NAME = "infrastructor-sink-timescale"
UPKEEP = "infrastructor-upkeep"
PORT = 9466
"""Where metrics and health are when no setting says otherwise."""


def run_timescale(*, version: str) -> int:
    """Run the sink until a signal; return the exit code. Raises SettingsInvalid before it runs."""
    kafka, database, settings = load(KafkaSettings), load(PostgresSettings), load(SinkSettings)

    async def serve(around: Surroundings, registry: CollectorRegistry) -> None:
        metrics = SinkMetrics.on(registry)
        sink = build(kafka, database, settings=settings, around=around, metrics=metrics)
        around.log.info("storing", kafka=kafka.servers, database=masked_url(database))
        upkeep = Upkeep(lambda: connect(database, UPKEEP), sink_statements(), around=around)
        producer = KafkaProducer(kafka, f"{NAME}-gaps")
        gaps = GapWatch(
            lambda: connect(database, UPKEEP),
            sink_statements(),
            producer,
            around=around,
            metrics=metrics,
            grace_s=settings.gap_grace_s,
        )
        beside = [asyncio.create_task(one.run()) for one in (upkeep, gaps)]
        try:
            await sink.run()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await producer.close()

    return run_sink(serve, kafka, database, name="sink-timescale", version=version, port=PORT)


def build(
    kafka: KafkaSettings,
    database: PostgresSettings,
    *,
    settings: SinkSettings,
    around: Surroundings,
    metrics: SinkMetrics,
    writer: Writer | None = None,
) -> TimescaleSink:
    """The sink on real Kafka and PostgreSQL, not yet connected to either; on a writer of the caller's, if given."""

    def explain(error: psycopg.Error) -> InfrastructorError | None:
        return translate(error, database, operation="store")

    async def require(waiting: Waiting) -> None:
        await require_topics(kafka, load_catalog(kafka), TOPICS, waiting=waiting)

    writer = writer or Writer(lambda: connect(database, NAME))
    producer = KafkaProducer(kafka, NAME)
    store = Store(writer, producer, around=around, metrics=metrics, limit=settings.limit, explain=explain)
    return TimescaleSink(
        kafka,
        settings,
        writer=writer,
        store=store,
        producer=producer,
        metrics=metrics,
        around=around,
        require=require,
        reader=lambda revoking: LogReader(kafka, TOPICS, revoking=revoking),
    )
