"""The agent: looks on a schedule, a spool, a sender. It is made of parts, so that a test can bring its own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from collectors.api.server import OperatorApi
from collectors.devices.fleet import Fleet
from collectors.metrics import AgentMetrics
from collectors.scheduler import Appointment, Scheduler
from collectors.sender import Sender
from collectors.skew import SkewMeter
from collectors.spool.spool import Spool
from runtime.clock import Clock
from runtime.errors import InfrastructorError
from runtime.health import Readiness
from runtime.kafka.producer import Sending
from runtime.log import get_logger
from runtime.process import Stop

KEEP_HOUSE_S = 5.0
TRIM_EVERY = 12
"""Rounds of house-keeping between two looks for metrics that are too old: a minute."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an agent is made of. `prepare` is awaited before anything is sent; its errors end the agent."""

    device: str
    spool: Spool
    sender: Sender
    producer: Sending
    scheduler: Scheduler
    appointments: Sequence[Appointment]
    clock: Clock
    metrics: AgentMetrics
    readiness: Readiness
    skew: SkewMeter
    prepare: Callable[[], Awaitable[None]] | None = None
    flush_s: float = 3.0
    api: OperatorApi | None = None
    fleet: Fleet | None = None


class Agent:
    """Collects until asked to stop. Whether Kafka is there decides only when events leave the spool."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._dropped = 0
        self._log = get_logger("agent")

    async def run(self, stop: Stop) -> None:
        """Run until asked to stop; then look no more, send what can be sent within `flush_s`, and leave.

        Raises what `prepare` raises. The spool is closed on return.
        """
        parts = self._parts
        sending = asyncio.create_task(parts.sender.run(parts.prepare))
        looking = asyncio.create_task(parts.scheduler.run(parts.appointments))
        keeping = asyncio.create_task(self._keep_house())
        serving: asyncio.Task[Any] = asyncio.create_task(parts.api.run() if parts.api else asyncio.sleep(0))
        following: asyncio.Task[Any] = asyncio.create_task(parts.fleet.run() if parts.fleet else asyncio.sleep(0))
        asked: asyncio.Task[Any] = asyncio.create_task(stop.wait())
        try:
            working = {sending, looking, keeping, asked, *([following] if parts.fleet else [])}
            done, _ = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
            for task in (following, looking, serving):
                await _ended(task)
            if asked in done:
                await self._flush(sending)
            for task in done - {asked}:
                task.result()
        finally:
            for task in (asked, keeping, following, looking, serving, sending):
                await _ended(task)
            if parts.fleet is not None:
                await parts.fleet.close()
            await parts.producer.close()
            await parts.spool.close()

    async def _flush(self, sending: asyncio.Task[None]) -> None:
        self._parts.sender.look_again()
        idle = asyncio.create_task(self._parts.sender.idle.wait())
        await asyncio.wait({idle, sending}, timeout=self._parts.flush_s, return_when=asyncio.FIRST_COMPLETED)
        await _ended(idle)
        counts = await self._parts.spool.counts()
        if counts.events:
            self._log.info("events stay in the spool for the next start", events=counts.events)

    async def _keep_house(self) -> None:
        round_number = 0
        while True:
            try:
                if round_number % TRIM_EVERY == 0:
                    await self._parts.spool.trim()
                await self._measure()
            except InfrastructorError as error:
                self._log.error("the spool cannot be measured", error=error)
            round_number += 1
            self._parts.readiness.beat()
            await self._parts.clock.sleep(KEEP_HOUSE_S)

    async def _measure(self) -> None:
        parts = self._parts
        counts = await parts.spool.counts()
        parts.metrics.spool_events.set(counts.events)
        parts.metrics.spool_bytes.set(counts.bytes)
        age_ms = 0 if counts.oldest_ms is None else max(0, parts.clock.now_ms() - counts.oldest_ms)
        parts.metrics.spool_oldest_seconds.set(age_ms / 1000)
        dropped = parts.spool.dropped
        parts.metrics.spool_dropped.inc(dropped - self._dropped)
        self._dropped = dropped
        if parts.skew.seconds is not None:
            parts.metrics.clock_skew_seconds.set(parts.skew.seconds)


async def _ended(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and wait until it has ended, whatever it ended with."""
    task.cancel()
    await asyncio.wait({task})
