"""What is asked again and again while a run lasts: processes, rows, lag."""

import asyncio
import http.client
import json
import os
from collections.abc import Mapping
from contextlib import suppress

from cli.up.board import Board
from cli.up.lag import GroupLag
from cli.up.memory import memory_of
from cli.up.model import Process
from cli.up.pipeline import Pipeline
from runtime.errors import InfrastructorError
from runtime.kafka.failures import CLIENT_ERRORS
from runtime.procfs import peak_rss_bytes
from runtime.supervise import ChildStatus

_PROCESSES_S = 1.0
_NUMBERS_S = 2.0
_READY_TIMEOUT_S = 0.5
_TOLD_AFTER = 4
"""A worker that is not ready so many looks in a row is worth a line; after each start it takes some."""


class Polls:
    """The polls of one run; `peak_bytes` is the most memory that each process was seen to hold."""

    def __init__(self, pipeline: Pipeline, board: Board, *, groups: Mapping[str, str]) -> None:
        self._pipeline = pipeline
        self._board = board
        self._lag = GroupLag(pipeline.kafka, groups)
        self._unready: dict[str, str] = {}
        self._unready_looks: dict[str, int] = {}
        self.peak_bytes: dict[str, int] = {}

    async def processes(self) -> None:
        """Look at the processes until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_PROCESSES_S)

    async def numbers(self) -> None:
        """Ask for rows and lag until cancelled."""
        try:
            while True:
                await self._ask()
                await asyncio.sleep(_NUMBERS_S)
        finally:
            await self._lag.close()

    async def readiness(self) -> None:
        """Ask the workers what they wait for until cancelled."""
        while True:
            for name, port in self._pipeline.ports.items():
                self._waits(name, await asyncio.to_thread(_why_unready, port))
            await asyncio.sleep(_NUMBERS_S)

    def _waits(self, name: str, why: str) -> None:
        """Note what a worker waits for (nothing: it is ready); tell when that lasts, and when it is over."""
        self._unready[name] = why
        looks = self._unready_looks.get(name, 0)
        self._unready_looks[name] = looks + 1 if why else 0
        if why and looks + 1 == _TOLD_AFTER:
            self._board.say(f"{name} waits: {why}")
        elif not why and looks >= _TOLD_AFTER:
            self._board.say(f"{name} goes on")

    def look(self) -> None:
        """Look at the processes once."""
        self._board.put(processes=tuple(self._seen(status) for status in self._pipeline.status()))
        self.peak_bytes["up"] = peak_rss_bytes(os.getpid())

    async def _ask(self) -> None:
        stored = self._pipeline.stored
        if stored is not None:
            # A database that is away is seen in its process's state; the numbers stay as they were.
            with suppress(InfrastructorError):
                self._board.put(rows=await stored.estimated(), gaps=await stored.open_gaps())
        if self._pipeline.watching:
            with suppress(InfrastructorError, *CLIENT_ERRORS):
                self._board.put(lag=await self._lag.behind(await self._pipeline.watch.ends()))

    def _seen(self, status: ChildStatus) -> Process:
        memory = memory_of(status.pid) if status.pid is not None and status.state != "stopped" else None
        peak = max(status.peak_rss_bytes, memory.peak if memory else 0, self.peak_bytes.get(status.name, 0))
        if peak:
            self.peak_bytes[status.name] = peak
        return Process(
            name=status.name,
            state=status.state,
            restarts=status.restarts,
            rss_bytes=memory.now if memory else None,
            detail=status.why if status.state in {"waiting", "failed", "held"} else self._unready.get(status.name, ""),
        )


def _why_unready(port: int) -> str:
    """Ask a worker's /readyz; return what it waits for, nothing when it is ready or does not answer."""
    # Not urllib: it would ask a proxy, where one is set, for our own loopback.
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_READY_TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return waits_for(json.loads(answer.read())) if answer.status != http.client.OK else ""
    except (OSError, http.client.HTTPException, ValueError):
        return ""
    finally:
        connection.close()


def waits_for(answer: Mapping[str, object]) -> str:
    """Return the unmet conditions in the answer of /readyz, as `kafka: why`."""
    conditions = answer.get("conditions")
    if not isinstance(conditions, dict):
        return ""
    unmet = {name: found for name, found in conditions.items() if isinstance(found, dict) and not found.get("ok")}
    return ", ".join(f"{name}: {found['why']}" if found.get("why") else str(name) for name, found in unmet.items())
