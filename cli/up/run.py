"""One run of `infrastructor up`, from the lock on the data folder to the last process gone."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from cli.up.board import Board
from cli.up.ending import Counted, Ending
from cli.up.model import Places
from cli.up.phases import Phases
from cli.up.pipeline import Migrate, Pipeline
from cli.up.plan import Plan
from cli.up.polls import Polls
from cli.up.show import show_lines, show_live
from cli.up.summary import Outcome, summary
from deploy.local.errors import written_to
from deploy.local.stack import LocalStack
from runtime.clock import Clock, SystemClock
from runtime.errors import InputInvalid, SettingsInvalid
from runtime.postgres import masked_url
from runtime.process import Stop
from runtime.settings.load import LOCAL_ENV

_START_COUNTS_S = 60.0
"""`--for` counts from when all was started; a start that takes longer than this counts as done."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for; `seconds` None: until stopped. `groups`: consumer groups by the name shown."""

    seconds: float | None
    plain: bool
    summary: bool
    groups: Mapping[str, str]
    console: Console
    migrate: Migrate


class Run:
    """One run, with the data folder locked."""

    def __init__(self, options: Options, plan: Plan, stack: LocalStack) -> None:
        self._options = options
        self._plan = plan
        self._stack = stack
        self._clock: Clock = SystemClock()
        self._phases = Phases(self._clock, tell=self._tell)
        self.board = Board(first_event=lambda: self._phases.reached("first event"))
        self._pipeline = Pipeline(
            plan, stack, board=self.board, phases=self._phases, clock=self._clock, migrate=options.migrate
        )
        self._polls = Polls(self._pipeline, self.board, groups=options.groups)
        self._readers: list[asyncio.Task[None]] = []
        self._unseen = asyncio.Event()

    def _tell(self, text: str) -> None:
        self.board.say(text)

    async def through(self, stop: Stop) -> dict[str, object]:
        """Run until asked to stop, the time is over, or nothing can help; return the summary, when asked for."""
        shown = [asyncio.create_task(work) for work in (self._show(), self._polls.processes())]
        try:
            return await self._through(stop)
        finally:
            await _cancelled(*shown)

    async def _through(self, stop: Stop) -> dict[str, object]:
        write_local_env(self._plan.data_dir, self._plan.environment(self._stack.environment))
        reading = (self._polls.numbers(), self._polls.readiness(), self._follow())
        self._readers = [asyncio.create_task(work) for work in reading]
        self.board.put(phase="starting", places=self._places())
        try:
            await self._until_over(stop)
        except BaseException:
            await self._end(counting=False)
            raise
        counted = await self._end(counting=self._options.summary)
        return self._summary(counted) if self._options.summary else {}

    async def _until_over(self, stop: Stop) -> None:
        starting = asyncio.create_task(self._start())
        over: list[asyncio.Task[Any]] = [
            asyncio.create_task(stop.wait()),
            asyncio.create_task(self._unseen.wait()),
            asyncio.create_task(self._time_is_over(starting)),
            asyncio.create_task(self._failed()),
            asyncio.create_task(_only_failure(starting)),
        ]
        try:
            done, _ = await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await _cancelled(*over, starting)

    async def _start(self) -> None:
        await self._pipeline.start()
        self._phases.reached("all started")
        self.board.put(phase="", places=self._places())

    async def _time_is_over(self, starting: "asyncio.Task[None]") -> None:
        if self._options.seconds is None:
            await asyncio.Event().wait()
            return
        await asyncio.wait({starting}, timeout=_START_COUNTS_S)
        await asyncio.sleep(self._options.seconds)

    async def _failed(self) -> None:
        status = await self._pipeline.failed()
        kind = SettingsInvalid if status.exit_code == SettingsInvalid.exit_code else InputInvalid
        raise kind(f"{status.name} {status.why}", operation="run", child=status.name)

    async def _follow(self) -> None:
        await self._pipeline.topics_ready.wait()
        await self._pipeline.watch.follow()

    async def _end(self, *, counting: bool) -> Counted:
        began = self._clock.monotonic()
        self.board.put(phase="stopping")
        # Nobody else may use the connections from now on.
        await _cancelled(*self._readers)
        ending = Ending(self._pipeline, self._clock)
        try:
            counted = await ending.counting() if counting else await ending.quickly()
        except BaseException:
            # A second Ctrl-C, or a fault of ours: no process may stay behind.
            await ending.at_once()
            raise
        (self._plan.data_dir / LOCAL_ENV).unlink(missing_ok=True)
        self._polls.look()
        self.board.say(f"all stopped in {self._clock.monotonic() - began:.1f} s; data is in {self._plan.data_dir}")
        return counted

    def _places(self) -> Places:
        kafka, logs = self._pipeline.kafka.servers, str(self._plan.logs)
        settings = self._pipeline.database
        if settings is None:
            return Places(kafka=kafka, logs=logs)
        psql, short = f'psql "{masked_url(settings)}"', ""
        if self._plan.local_database:
            psql, short = self._stack.psql, str(write_psql(self._plan.data_dir, self._stack.psql))
        return Places(kafka=kafka, database=masked_url(settings), psql=psql, psql_short=short or psql, logs=logs)

    def _summary(self, counted: Counted) -> dict[str, object]:
        database = self._pipeline.database
        url = masked_url(database) if database else ""
        return summary(
            self.board.tally,
            Outcome(
                kafka=self._pipeline.kafka.servers,
                # The local password opens this machine's loopback only; another database's is nobody's business.
                database_url=self._stack.database_url if database and self._plan.local_database else url,
                seconds=self._phases.elapsed,
                phases=self._phases.done,
                peak_bytes=self._polls.peak_bytes,
                restarts={status.name: status.restarts for status in self._pipeline.status()},
                stored=counted.stored,
                gaps=counted.gaps,
                consistent=counted.consistent,
            ),
        )

    async def _show(self) -> None:
        console = self._options.console
        try:
            if self._options.plain:
                await show_lines(self.board, partial(console.print, markup=False, soft_wrap=True), self._clock)
            else:
                await show_live(self.board, console, self._clock)
        except OSError:
            # The terminal was closed, or `head` has what it wanted: nobody watches any more.
            self._unseen.set()


def write_psql(data_dir: Path, line: str) -> Path:
    """Write `<data>/psql`, which runs the line: short enough to be pasted from a narrow terminal. Return its path."""
    script = data_dir / "psql"
    with written_to(data_dir):
        script.write_text(f'#!/bin/sh\n{line.replace("PGPASSFILE=", "exec env PGPASSFILE=", 1)} "$@"\n')
        script.chmod(0o700)
    return script


def write_local_env(data_dir: Path, variables: Mapping[str, str]) -> None:
    """Write `<data>/local.env`, by which commands beside this run find its servers; for the eyes of its owner."""
    path = data_dir / LOCAL_ENV
    with written_to(data_dir):
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))


async def _only_failure(work: "asyncio.Task[None]") -> None:
    """Raise what the work raises; never return."""
    await asyncio.wait({work})
    if not work.cancelled():
        work.result()
    await asyncio.Event().wait()


async def _cancelled(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks and wait until they are gone, whatever they end with."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
