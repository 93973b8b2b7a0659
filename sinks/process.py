"""The frame of a sink as a process: settings, log, metrics, health, signals."""

import asyncio
import gc
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry

from runtime.clock import SystemClock
from runtime.health import HealthServer, Readiness
from runtime.log import configure_logging, get_logger
from runtime.metrics import KafkaMetrics, new_registry
from runtime.process import Stop, run_process
from runtime.settings import Concern, HttpSettings, LogSettings, ProcessSettings, load, secret_values
from sinks.surroundings import Surroundings

GC_THRESHOLD = 50_000
BEAT_S = 1.0

Serve = Callable[[Surroundings, CollectorRegistry], Awaitable[None]]


def run_sink(serve: Serve, *concerns: Concern, name: str, version: str, port: int) -> int:
    """Run one sink until a signal; return the exit code. `concerns` are its settings, whose secrets are masked."""
    http, drain_s = load(HttpSettings), load(ProcessSettings).drain_s
    configure_logging(load(LogSettings), process=name, secrets=secret_values(*concerns))
    registry = new_registry(process=name, version=version)

    # Decoding makes and drops containers by the ten thousand: looking through them all the time finds nothing.
    gc.set_threshold(GC_THRESHOLD, 20, 100)

    async def main(stop: Stop) -> None:
        readiness = Readiness("kafka")
        around = Surroundings(SystemClock(), stop, get_logger(name), readiness, KafkaMetrics.on(registry))
        health = HealthServer(registry, http, readiness=readiness, port=port) if http.enabled else None
        if health is not None:
            health.start()
        beating = asyncio.create_task(_beat(readiness))
        try:
            await serve(around, registry)
        finally:
            beating.cancel()
            if health is not None:
                health.close()

    return run_process(main, drain_s=drain_s, use_uvloop=True)


async def _beat(readiness: Readiness) -> None:
    """Show that the loop goes round: who waits for Gotify or the database is alive, though not ready."""
    while True:
        readiness.beat()
        await asyncio.sleep(BEAT_S)
