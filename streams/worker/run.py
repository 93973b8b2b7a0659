"""The streams worker as a process: settings, log, metrics, health, signals, and the end of it."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NoReturn

from runtime.clock import SystemClock
from runtime.errors import InfrastructorError
from runtime.health import HealthServer, Readiness
from runtime.kafka.admin import require_topics
from runtime.kafka.catalog import TopicCatalog, load_catalog
from runtime.kafka.producer import KafkaProducer
from runtime.log import configure_logging, get_logger
from runtime.metrics import KafkaMetrics, new_registry
from runtime.process import Stop, leave, leave_within, one_line, run_process
from runtime.settings import HttpSettings, KafkaSettings, LogSettings, ProcessSettings, load, secret_values
from schemas.registry import DEAD_LETTERS
from streams.derivations import all_derivations
from streams.settings import StreamsSettings, default_policies, default_rules
from streams.worker.batches import Batches, Tools
from streams.worker.books import BookFile, policy_books, rule_books
from streams.worker.clockwork import Clockwork
from streams.worker.evidence import gather
from streams.worker.faust_app import StreamsApp, add_agent, build_app, reread
from streams.worker.limit import Limit
from streams.worker.metrics import StreamsMetrics
from streams.worker.owned import Ownership
from streams.worker.pulse import Pulse
from streams.worker.rulebook import Rulebook
from streams.worker.shown import Shown
from streams.worker.watchdog import Watchdog
from streams.worker.writing import PatientSender

PORT = 9465
LEAVE_S = 6.0
"""Leaving the consumer group may take so long; then the process ends without."""


def run_streams(*, version: str) -> NoReturn:
    """Run the worker until a signal or a failure, and leave with its exit code. Raises InfrastructorError before."""
    settings, kafka, http = load(StreamsSettings), load(KafkaSettings), load(HttpSettings)
    configure_logging(load(LogSettings), process="streams", secrets=secret_values(kafka))
    registry = new_registry(process="streams", version=version)
    readiness = Readiness("kafka", "partitions")
    metrics, kafka_metrics = StreamsMetrics.on(registry), KafkaMetrics.on(registry)
    # Read before anything is connected: a file that is wrong is told at once.
    worker = Worker(settings, kafka, metrics=metrics, kafka_metrics=kafka_metrics, readiness=readiness)

    async def main(stop: Stop) -> None:
        health = HealthServer(registry, http, readiness=readiness, port=PORT) if http.enabled else None
        try:
            if health is not None:
                health.start()
            await worker.run(stop)
        finally:
            if health is not None:
                health.close()

    code = run_process(main, drain_s=load(ProcessSettings).drain_s, use_uvloop=True)
    # Faust's consumer lives in a thread that keeps a process from ending; all that counts is acknowledged.
    leave(code)


class Worker:
    """All parts of one worker. `run` once."""

    def __init__(
        self,
        settings: StreamsSettings,
        kafka: KafkaSettings,
        *,
        metrics: StreamsMetrics,
        kafka_metrics: KafkaMetrics,
        readiness: Readiness,
    ) -> None:
        """Read the rules, the policies and the list of topics. Raises InputInvalid."""
        self._settings = settings
        self._kafka = kafka
        self._metrics = metrics
        self._kafka_metrics = kafka_metrics
        self._readiness = readiness
        self._clock = SystemClock()
        self._catalog: TopicCatalog = load_catalog(kafka)
        self._ownership = Ownership(all_derivations())
        # No idempotence is lost by a second try of a whole batch: ids and sequences say what repeats.
        self._producer = KafkaProducer(kafka, "infrastructor-streams")
        self._sender = PatientSender(self._producer, self._clock, patience_s=settings.patience_s)
        self._rulebook = Rulebook(
            [
                BookFile(settings.rules_file or default_rules(), rule_books),
                BookFile(settings.policies_file or default_policies(), policy_books),
            ],
            self._ownership,
            sender=self._sender,
            clock=self._clock,
            poll_s=settings.rules_poll_s,
        )
        self._shown = Shown(
            self._ownership,
            rulebook=self._rulebook,
            sender=self._sender,
            readiness=readiness,
            metrics=metrics,
            kafka_metrics=kafka_metrics,
        )
        self._log = get_logger("streams")

    async def run(self, stop: Stop) -> None:
        """Derive until asked to stop. Raises the InfrastructorError that ended it."""
        topics = self._topics()
        await stop.unless_asked(require_topics(self._kafka, self._catalog, topics, waiting=self._waiting))
        await stop.unless_asked(self._producer.start(waiting=self._waiting))
        self._ownership.evidence = await stop.unless_asked(
            gather(
                self._kafka,
                self._catalog,
                list(self._ownership.derivations.values()),
                batch_records=self._settings.batch_records,
                waiting=self._waiting,
            )
        )
        self._readiness.set("kafka", ok=True)
        failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def failed(error: BaseException) -> None:
            if not failure.done():
                failure.set_exception(error)

        pulse = Pulse(self._clock, most_s=self._kafka.session_timeout_s - self._kafka.heartbeat_s)
        watchdog = Watchdog(stuck_s=self._settings.stuck_s, stalled_s=self._ownership.stuck_s)
        app = self._build(pulse, failed)
        clockwork = Clockwork(self._ownership, self._sender, self._clock, period_s=self._settings.tick_s)
        background = [
            _guarded(run, stop, failed) for run in (pulse.beat, clockwork.run, self._rulebook.run, self._shown.run)
        ]
        starting = asyncio.ensure_future(app.start())
        starting.add_done_callback(lambda done: _pass_on(done, failed))
        watchdog.start()
        asking = asyncio.ensure_future(stop.wait())
        either: set[asyncio.Future[Any]] = {asking, failure}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        watchdog.stop()
        if failure.done() and not asking.done():
            self._fail(failure)
        await self._drain(app, background)

    def _topics(self) -> list[str]:
        derivations = self._ownership.derivations.values()
        used = {one.reads for one in derivations} | {one.writes for one in derivations} | {DEAD_LETTERS}
        return sorted(used | {self._catalog.changelog(one.table) for one in derivations})

    def _build(self, pulse: Pulse, failed: Callable[[BaseException], None]) -> StreamsApp:
        settings = self._settings
        app = build_app(settings, self._kafka, catalog=self._catalog, ownership=self._ownership, failed=failed)
        limit = Limit(settings.poison_in_a_row, settings.poison_share, settings.poison_minimum)
        tools = Tools(
            self._sender,
            self._clock,
            self._metrics,
            self._kafka_metrics,
            limit,
            pulse,
            reread=partial(reread, app),
        )
        for derivation in self._ownership.derivations.values():
            changelog = self._catalog.changelog(derivation.table)
            batches = Batches(derivation.name, changelog, ownership=self._ownership, tools=tools)
            add_agent(app, derivation, settings, work=batches.work_off, failed=failed)
        return app

    def _waiting(self, error: InfrastructorError) -> None:
        self._readiness.set("kafka", ok=False, why=error.message)
        self._log.warning("waiting for Kafka", why=error.message)

    def _fail(self, failure: "asyncio.Future[None]") -> NoReturn:
        """End the process at once: Faust's own way of stopping would wait for what is never acknowledged."""
        error = failure.exception()
        if isinstance(error, InfrastructorError):
            print(one_line(error), file=sys.stderr)  # noqa: T201
            leave(error.exit_code)
        self._log.error("the worker failed: this is a fault of the program", error=error)
        leave(InfrastructorError.exit_code)

    async def _drain(self, app: StreamsApp, background: "list[asyncio.Task[None]]") -> None:
        """Finish the batches in hand and leave the group, so that another takes over at once."""
        self._readiness.set("partitions", ok=False, why="stopping")
        try:
            async with asyncio.timeout(LEAVE_S):
                await app.stop()
        except TimeoutError:
            self._log.warning("left without telling the group", after_s=LEAVE_S)
        for task in background:
            task.cancel()
        await self._producer.close()
        # Its loop may wait for tasks that ignore being cancelled.
        leave_within(2.0, 0)


def _guarded(
    run: Callable[[Stop], Awaitable[None]], stop: Stop, failed: Callable[[BaseException], None]
) -> "asyncio.Task[None]":
    """A task whose failure is the worker's."""

    async def guarded() -> None:
        await run(stop)

    task = asyncio.ensure_future(guarded())
    task.add_done_callback(lambda done: _pass_on(done, failed))
    return task


def _pass_on(done: "asyncio.Future[None]", failed: Callable[[BaseException], None]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        failed(error)
