"""One look from beginning to end: transport, parser, events, spool. However it ends, that is an event."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from collectors.account import LONGEST_TEXT, Account, Observing
from collectors.chain import ask
from collectors.device import Device
from collectors.errors import LookFailed
from collectors.look import Look
from collectors.metrics import AgentMetrics
from collectors.skew import SkewMeter
from collectors.spool.draft import Commit
from collectors.spool.limits import SpoolFull
from collectors.spool.spool import Spool
from collectors.transport import Limits, Output
from runtime.clock import Clock
from runtime.errors import InfrastructorError
from runtime.health import Readiness
from runtime.log import bind_correlation, get_logger
from schemas.identity import uuid7
from schemas.refusal import EventRefused

CONDITION = "spool"
RETRY_AFTER_S = 0.5


@dataclass(slots=True)
class Run:
    """A look under way: its correlation id, when it began (seconds of the monotonic clock), how often it was tried."""

    device: Device
    look: Look[Any]
    correlation: UUID
    began: float
    attempts: int = 0


class Observer:
    """Looks at devices. One an agent: it remembers the last readings of each look, for what needs two."""

    def __init__(
        self,
        spool: Spool,
        *,
        agent: str,
        version: str,
        clock: Clock,
        metrics: AgentMetrics,
        readiness: Readiness,
        skew: SkewMeter,
    ) -> None:
        self._spool = spool
        self._observing = Observing(agent, version, lambda: uuid7(clock.now_ms()))
        self._clock = clock
        self._metrics = metrics
        self._readiness = readiness
        self._skew = skew
        self._before: dict[tuple[str, str], Any] = {}
        self._log = get_logger("agent")
        self._paused = False
        readiness.set(CONDITION, ok=True)

    async def look(self, device: Device, look: Look[Any]) -> None:
        """Look once and keep what was seen. Raises nothing but cancellation."""
        if self._paused and not await self._may_go_on():
            self._metrics.looks_missed.labels(look.name, "spool_full").inc()
            return
        run = Run(device, look, uuid7(self._clock.now_ms()), self._clock.monotonic())
        with bind_correlation(run.correlation, device=device.id, collector=look.name):
            try:
                await self._observe(run)
            except LookFailed as error:
                self._log.warning("a look failed", error=error)
                await self._tell_failure(run, error)
            except Exception as error:  # noqa: BLE001
                # The boundary around what collectors do: a fault in one must not end the others. It is told.
                self._log.exception("a look failed by a fault of this program")
                fault = LookFailed(f"{type(error).__name__}: {error}"[:LONGEST_TEXT], operation="look")
                await self._tell_failure(run, fault)

    async def _observe(self, run: Run) -> None:
        output = await self._fetched(run)
        at = self._clock.now()
        readings = run.look.parse(output.text)
        key = run.device.id, run.look.name
        told = run.look.tell(readings, self._before.get(key))
        self._before[key] = readings
        commit = self._account(run).answered(
            told, at=at, output_bytes=output.size, remembered=self._spool.remembered(run.device.id)
        )
        try:
            kept = await self._keep(commit)
        except EventRefused as error:
            self._metrics.spool_refused.labels(str(error.reason)).inc()
            raise LookFailed(f"what was seen is no valid event: {error}", operation="keep events") from error
        if kept:
            self._count(run, "success")

    async def _fetched(self, run: Run) -> Output:
        while True:
            run.attempts += 1
            try:
                return await ask(run.device.transport, run.look.request, Limits(timeout_s=run.look.timeout_s))
            except LookFailed as error:
                if not error.retryable or run.attempts > run.look.retries:
                    raise
            await self._clock.sleep(RETRY_AFTER_S * run.attempts)

    async def _tell_failure(self, run: Run, error: LookFailed) -> None:
        self._count(run, error.status)
        await self._keep(self._account(run).failed(error, at=self._clock.now(), attempts=max(1, run.attempts)))

    def _account(self, run: Run) -> Account:
        duration_s = self._clock.monotonic() - run.began
        return Account(self._observing, run.device, run.look, run.correlation, duration_s, self._skew.seconds)

    async def _keep(self, commit: Commit) -> bool:
        """Keep the events of a look; return whether they were. Raises EventRefused."""
        try:
            await self._spool.commit(commit)
        except SpoolFull as error:
            self._not_kept(error)
            self._pause(error)
            return False
        except InfrastructorError as error:
            self._not_kept(error)
            self._log.error("what was seen could not be kept", error=error)
            return False
        self._readiness.set(CONDITION, ok=True)
        return True

    def _not_kept(self, error: InfrastructorError) -> None:
        self._metrics.spool_refused.labels(error.error_code).inc()
        self._readiness.set(CONDITION, ok=False, why=error.message)

    def _pause(self, error: SpoolFull) -> None:
        if not self._paused:
            self._paused = True
            self._log.error("collecting stops until there is room in the spool", error=error)

    async def _may_go_on(self) -> bool:
        try:
            self._paused = not await self._spool.has_room()
        except InfrastructorError as error:
            self._readiness.set(CONDITION, ok=False, why=error.message)
        if not self._paused:
            self._readiness.set(CONDITION, ok=True)
            self._log.info("there is room in the spool: collecting goes on")
        return not self._paused

    def _count(self, run: Run, status: str) -> None:
        self._metrics.looks.labels(run.look.name, status).inc()
        self._metrics.look_seconds.labels(run.look.name).observe(max(0.0, self._clock.monotonic() - run.began))
