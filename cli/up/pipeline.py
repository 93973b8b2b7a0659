"""The parts of one run: servers and workers under supervision, started as far as possible at the same time."""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from cli.up.board import Board
from cli.up.phases import Phases
from cli.up.plan import Plan, http_ports, worker
from cli.up.stored import Rows, Stored
from cli.up.threads import in_thread
from cli.up.watch import Watch
from deploy.local.jars import cache_dir, read_pins
from deploy.local.server import Server
from deploy.local.stack import LocalStack
from runtime.clock import Clock
from runtime.errors import TopicsMissing
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.settings import KafkaSettings, PostgresSettings, ProcessSettings, World, load
from runtime.supervise import ChildStatus, Supervisor
from schemas.registry import ALERTS, COLLECTIONS, DEAD_LETTERS, DEVICES, METRICS, NOTIFICATIONS, OBSERVATIONS, STATUS

LOOK_BACK: Mapping[str, int] = {
    METRICS: 2,
    OBSERVATIONS: 2,
    COLLECTIONS: 2,
    DEVICES: 500,
    STATUS: 50,
    ALERTS: 200,
    NOTIFICATIONS: 100,
    DEAD_LETTERS: 0,
}
"""How many records before the end of each partition the view begins; what is older comes from the database."""

Migrate = Callable[[PostgresSettings], None]
"""Brings the database's schema to this version; blocks."""


class Pipeline:
    """Servers and workers of one run, and what is read from them."""

    def __init__(
        self, plan: Plan, stack: LocalStack, *, board: Board, phases: Phases, clock: Clock, migrate: Migrate
    ) -> None:
        settings = load(ProcessSettings)
        self._plan = plan
        self._stack = stack
        self._board = board
        self._phases = phases
        self._clock = clock
        self._migrate = migrate
        self._environment = plan.environment(stack.environment)
        self._ports = http_ports(plan.workers)
        self.topics_ready = asyncio.Event()
        """Set when the topics are there and the watch is open."""
        self._schema_ready = asyncio.Event()
        self.servers = Supervisor(settings, watching=self._child_changed)
        self.workers = {name: Supervisor(settings, watching=self._child_changed) for name in plan.workers}
        self.kafka = load(KafkaSettings, self._world())
        self.watch = Watch(self.kafka, LOOK_BACK, take=board.take)
        self.database: PostgresSettings | None = None
        self.stored: Stored | None = None
        self.rows_before: Rows = {}

    async def start(self) -> None:
        """Start everything; return when all runs. Raises the first InfrastructorError, with the rest still starting."""
        begun_ms = self._clock.now_ms()
        workers = (self._start_worker(name) for name in self._plan.workers)
        steps = [self._start_kafka(begun_ms), self._start_database(), *workers]
        tasks = [asyncio.create_task(step) for step in steps]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def failed(self) -> ChildStatus:
        """Return the first child that ended with a code that another try cannot mend."""
        supervisors = [self.servers, *self.workers.values()]
        waits = [asyncio.create_task(supervisor.failed.wait()) for supervisor in supervisors]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return next(status for status in self.status() if status.state == "failed")

    def status(self) -> list[ChildStatus]:
        """Return every child as it is now: servers, then workers."""
        supervisors = [self.servers, *self.workers.values()]
        return [status for supervisor in supervisors for status in supervisor.status()]

    @property
    def watching(self) -> bool:
        """Whether the watch is open."""
        return self.topics_ready.is_set()

    @property
    def ports(self) -> Mapping[str, int]:
        """The port of each worker's `/metrics`."""
        return self._ports

    async def stop_workers(self, within_s: float, *names: str) -> None:
        """Stop some workers (all, when none is named) at the same time; what takes longer is killed."""
        chosen = [name for name in names or self.workers if name in self.workers]
        await asyncio.gather(*(self.workers[name].stop(within_s) for name in chosen))

    async def stop_servers(self, within_s: float) -> None:
        """Stop broker and database at the same time."""
        await self.servers.stop(within_s)

    async def _start_kafka(self, begun_ms: int) -> None:
        if self._plan.local_kafka:
            if missing := missing_jars(cache_dir()):
                self._board.say(f"fetching {missing} jars of Kafka, which takes a while this once")
            await self._start_server(self._stack.broker, "Kafka answers")
        _, refused = await apply_topics(self.kafka, load_catalog(self.kafka))
        if refused:
            raise TopicsMissing("; ".join(str(change) for change in refused), operation="apply topics")
        # The local broker has our clock; elsewhere the run begins where the topics end now.
        await self.watch.open(begun_ms if self._plan.local_kafka else None)
        self.topics_ready.set()
        self._phases.reached("topics ready")

    async def _start_database(self) -> None:
        if self._plan.local_database:
            await self._start_server(self._stack.postgres, "database answers")
        # Only now: the local database's first start writes the file that has its password.
        settings = load(PostgresSettings, self._world())
        await in_thread(lambda: self._migrate(settings))
        self.database = settings
        stored = Stored(settings)
        self.rows_before = await stored.counted(within_s=1.0)
        await self._recall(stored)
        self.stored = stored
        self._schema_ready.set()
        self._phases.reached("schema ready")

    async def _start_server(self, server: Server, reached: str) -> None:
        await self.servers.start(await in_thread(server.prepare))
        if self.servers.alive(server.name):
            self._phases.reached(reached)

    async def _start_worker(self, name: str) -> None:
        # The agent collects into its spool until Kafka answers, but ends when a topic is missing.
        if name != "agent" or not self._has_topics():
            await self.topics_ready.wait()
        if name == "sink-timescale":
            await self._schema_ready.wait()
        port, tell = self._ports[name], self._board.say
        await self.workers[name].start(worker(name, self._plan, self._environment, port=port, tell=tell))

    def _has_topics(self) -> bool:
        """Tell whether the local broker has the topics from an earlier start: a folder for each partition."""
        folder = self._stack.broker.folder / "data"
        return self._plan.local_kafka and all((folder / f"{topic}-0").is_dir() for topic in LOOK_BACK)

    async def _recall(self, stored: Stored) -> None:
        """Show what was known before: the log is read from a little before its end only."""
        for device in await stored.devices():
            if device.id not in self._board.view.devices:
                self._board.put(devices={**self._board.view.devices, device.id: device})
        for alert in await stored.alerts():
            if alert.id not in self._board.view.alerts:
                self._board.put(alerts={**self._board.view.alerts, alert.id: alert})

    def _child_changed(self, status: ChildStatus) -> None:
        if status.state in {"waiting", "failed", "held"}:
            self._board.say(f"{status.name} {status.why}")

    def _world(self) -> World:
        return World.here({**os.environ, **self._environment})


def missing_jars(cache: Path) -> int:
    """Return how many of Kafka's jars are yet to be fetched."""
    return sum(not (cache / "maven" / pin.path).exists() for pin in read_pins())
