"""One look from beginning to end: transport, parser, events, spool. However it ends, that is an event."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from collectors.absence import absence, nothing_read
from collectors.account import LONGEST_TEXT, Account, Observing, retired
from collectors.chain import ask
from collectors.daemon_thread import in_daemon_thread
from collectors.device import Device
from collectors.errors import LookFailed, LookSkipped
from collectors.look import Look, Told
from collectors.looked import Ended, Looked
from collectors.metrics import AgentMetrics
from collectors.raw import RawFolder
from collectors.secrets import masked_text
from collectors.skew import SkewMeter
from collectors.spool.draft import Commit
from collectors.spool.limits import SpoolFull
from collectors.spool.spool import Spool
from collectors.transport import Limits, Output
from runtime.backoff import Backoff
from runtime.clock import Clock
from runtime.errors import InfrastructorError
from runtime.health import Readiness
from runtime.log import bind_correlation, get_logger
from schemas.collection import Requester
from schemas.identity import uuid7
from schemas.refusal import EventRefused

CONDITION = "spool"
LONG_TEXT = 262_144
"""Characters; shorter ones are read within a few tens of milliseconds by every parser."""
RETRIES = Backoff(first_s=0.5, longest_s=5.0, jitter=0.5)


@dataclass(slots=True)
class Run:
    """A look under way: its correlation id, when it began (seconds of the monotonic clock), how often it was tried.

    `raw` is what the device gave, once it has.
    """

    device: Device
    look: Look[Any]
    requested_by: Requester
    correlation: UUID
    began: float
    attempts: int = 0
    raw: Output | None = None


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
        raw: RawFolder | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`raw` is where each look's raw output is kept; None: nowhere."""
        self._spool = spool
        self._observing = Observing(agent, version, lambda: uuid7(clock.now_ms()))
        self._clock = clock
        self._metrics = metrics
        self._readiness = readiness
        self._skew = skew
        self._raw = raw
        self._chance = chance
        self._before: dict[tuple[str, str], Any] = {}
        self._log = get_logger("agent")
        self._paused = False
        self._stopped = False
        self._parsing = asyncio.Lock()
        readiness.set(CONDITION, ok=True)

    async def look(self, device: Device, look: Look[Any], *, requested_by: Requester = "schedule") -> Looked:
        """Look once and keep what was seen; return how it ended. Raises nothing but cancellation."""
        run = Run(device, look, requested_by, uuid7(self._clock.now_ms()), self._clock.monotonic())
        if self._paused and not await self._may_go_on():
            self._metrics.looks_missed.labels(look.name, "spool_full").inc()
            return self._ended(run, "error", error=_no_room())
        with bind_correlation(run.correlation, device=device.id, collector=look.name):
            try:
                return await self._observe(run)
            except LookFailed as error:
                return await self._tell_failure(run, error)
            except Exception as error:  # noqa: BLE001
                # The boundary around what collectors do: a fault in one must not end the others. It is told.
                self._log.exception("a look failed by a fault of this program")
                fault = LookFailed(masked_text(f"{type(error).__name__}: {error}"[:LONGEST_TEXT]), operation="look")
                return await self._tell_failure(run, fault)

    def remembered(self) -> tuple[str, ...]:
        """Return the devices that were told of and not retired, in this run of the agent or before."""
        return self._spool.subjects()

    def forget(self, device: str) -> None:
        """Forget what the last looks at a device saw."""
        self._before = {key: readings for key, readings in self._before.items() if key[0] != device}

    async def retire(self, device: str, reason: str) -> None:
        """Tell that a device is watched no more, once, were it only that it failed: else it would be offline for ever.

        What was never told of needs no end. Raises nothing.
        """
        if self._spool.remembered(device) is None:
            return
        run = uuid7(self._clock.now_ms())
        with bind_correlation(run, device=device):
            await self._keep(retired(self._observing, device, reason, at=self._clock.now(), correlation=run))
            self._log.info("a device is retired", reason=reason)

    async def tell_cached(
        self, device: Device, look: Look[Any], *, requested_by: Requester, events: int, age_s: float
    ) -> UUID:
        """Keep the audit of an answer that was not looked for; return its run."""
        run = Run(device, look, requested_by, uuid7(self._clock.now_ms()), self._clock.monotonic())
        with bind_correlation(run.correlation, device=device.id, collector=look.name):
            self._metrics.looks.labels(look.name, "cached").inc()
            await self._keep(self._account(run).cached(at=self._clock.now(), events=events, age_s=age_s))
        return run.correlation

    async def _observe(self, run: Run) -> Looked:
        run.raw = await self._fetched(run)
        at = self._clock.now()
        if self._raw is not None:
            await self._keep_raw(run, run.raw, self._raw, at=at)
        readings = await self._parsed(run.look, run.raw.text)
        if (nothing := nothing_read(run.look, run.raw.text)) is not None:
            raise nothing
        told = await self._told(run, readings, at)
        commit = self._account(run).answered(told, at=at, remembered=self._spool.remembered(run.device.id))
        try:
            kept = await self._keep(commit)
        except EventRefused as error:
            self._metrics.spool_refused.labels(str(error.reason)).inc()
            raise LookFailed(f"what was seen is no valid event: {error}", operation="keep events") from error
        if isinstance(kept, InfrastructorError):
            return self._ended(run, "error", error=kept)
        if told.partial:
            self._log.warning("a look was read in part", unread=told.partial)
        self._count(run, "success")
        return replace(self._ended(run, "success", events=kept[:-1]), partial=told.partial)

    async def _parsed(self, look: Look[Any], text: str) -> Any:
        """Return the readings of a text; a long one is read in a thread, so that it holds up no other device."""
        if len(text) < LONG_TEXT:
            return look.parse(text)
        async with self._parsing:
            return await in_daemon_thread(lambda: look.parse(text), "parse")

    async def _told(self, run: Run, readings: Any, at: datetime) -> Told:
        key = run.device.id, run.look.name
        if run.look.recall is not None:
            try:
                return run.look.recall(readings, await self._spool.memory(*key), at)
            except InfrastructorError as error:
                raise LookFailed(error.message, operation="recall what was told") from error
        told = run.look.tell(readings, self._before.get(key))
        self._before[key] = readings
        return told

    async def _keep_raw(self, run: Run, raw: Output, folder: RawFolder, *, at: datetime) -> None:
        try:
            await asyncio.to_thread(folder.keep, raw.text, at=at, device=run.device.id, collector=run.look.name)
        except InfrastructorError as error:
            self._log.error("raw output is not kept", error=error)

    async def _fetched(self, run: Run) -> Output:
        deadline = run.began + run.look.deadline_s
        while True:
            run.attempts += 1
            try:
                return await self._ask(run, deadline - self._clock.monotonic())
            except LookFailed as error:
                wait_s = RETRIES.wait_s(run.attempts, self._chance())
                late = self._clock.monotonic() + wait_s >= deadline
                if not error.retryable or run.attempts > run.look.retries or late:
                    raise
            await self._clock.sleep(wait_s)

    async def _ask(self, run: Run, left_s: float) -> Output:
        limits = Limits(timeout_s=min(run.look.timeout_s, left_s))
        sudo = run.look.sudo if run.device.elevates else ()
        return await ask(run.device.transport, run.look.request, limits, sudo=sudo)

    async def _tell_failure(self, run: Run, error: LookFailed) -> Looked:
        error = absence(error, run.look) or error
        account, at = self._account(run), self._clock.now()
        if isinstance(error, LookSkipped):
            self._log.info("a look was skipped", reason=error.message)
            self._count(run, "skipped")
            await self._keep(account.skipped(error.message, at=at))
            return self._ended(run, "skipped", error=error)
        self._log.warning("a look failed", error=error)
        self._count(run, error.status)
        await self._keep(account.failed(error, at=at, attempts=max(1, run.attempts)))
        return self._ended(run, error.status, error=error)

    def _ended(
        self, run: Run, status: Ended, *, events: tuple[bytes, ...] = (), error: InfrastructorError | None = None
    ) -> Looked:
        duration_s = max(0.0, self._clock.monotonic() - run.began)
        raw = run.raw.text if run.raw is not None else None
        return Looked(status, run.correlation, duration_s, events=events, error=error, raw=raw)

    def _account(self, run: Run) -> Account:
        return Account(
            self._observing,
            run.device,
            run.look,
            run.correlation,
            duration_s=self._clock.monotonic() - run.began,
            skew_s=self._skew.seconds,
            requested_by=run.requested_by,
            output_bytes=run.raw.size if run.raw is not None else None,
        )

    async def _keep(self, commit: Commit) -> tuple[bytes, ...] | InfrastructorError:
        """Keep the events of a look; return them as kept, or why they were not. Raises EventRefused."""
        try:
            kept = await self._spool.commit(commit)
        except SpoolFull as error:
            self._not_kept(error)
            self._pause(error)
            return error
        except InfrastructorError as error:
            self._not_kept(error)
            self._log.error("what was seen could not be kept", error=error)
            return error
        self._readiness.set(CONDITION, ok=True)
        if self._stopped:
            self._stopped = False
            self._log.info("there is room in the spool: collecting goes on")
        return kept

    def _not_kept(self, error: InfrastructorError) -> None:
        self._metrics.spool_refused.labels(error.error_code).inc()
        self._readiness.set(CONDITION, ok=False, why=error.message)

    def _pause(self, error: SpoolFull) -> None:
        self._paused = True
        if not self._stopped:
            self._stopped = True
            self._log.error("collecting stops until there is room in the spool", error=error)

    async def _may_go_on(self) -> bool:
        """Tell whether a look is worth a try; whether it can be kept turns out when it is."""
        try:
            self._paused = not await self._spool.has_room()
        except InfrastructorError as error:
            self._readiness.set(CONDITION, ok=False, why=error.message)
        return not self._paused

    def _count(self, run: Run, status: str) -> None:
        self._metrics.looks.labels(run.look.name, status).inc()
        self._metrics.look_seconds.labels(run.look.name).observe(max(0.0, self._clock.monotonic() - run.began))


def _no_room() -> SpoolFull:
    return SpoolFull("collecting has stopped until there is room in the spool: is Kafka reachable?", operation="look")
