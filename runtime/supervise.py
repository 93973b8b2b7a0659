"""Supervision of child processes: started, kept running with growing waits, and stopped in order before a deadline.

Each child leads a session of its own, so that a Ctrl-C at the terminal reaches the supervisor alone, and dies when the
supervisor does, however that ends.
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal

from runtime.backoff import Backoff
from runtime.clock import Clock, SystemClock
from runtime.errors import InputInvalid, Poisoned, SettingsInvalid
from runtime.log_lines import told
from runtime.procfs import peak_rss_bytes
from runtime.redact import sanitised
from runtime.settings.process import ProcessSettings

NO_RETRY = frozenset({SettingsInvalid.exit_code, InputInvalid.exit_code})
"""Exit codes that say that another try gives the same: told, not repeated."""

HELD = frozenset({Poisoned.exit_code})
"""Exit codes of a child that is left as it ended, while the others go on: a person has to look."""

SAMPLE_S = 1.0
LAST_WORDS = 300
SERVERS_SHARE = 0.3
"""Share of the time to stop that each later group keeps for itself, whatever the groups before it need."""

State = Literal["starting", "running", "waiting", "failed", "held", "stopping", "stopped"]


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run and how. `group`: higher groups are stopped first (servers 0, workers 1).

    Output goes to the file `log`, or line by line to `on_line`, or to the supervisor's standard error. `ready` blocks
    (in a thread) until the child can be used, given a function that tells whether it still lives; it raises when not.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    group: int = 1
    log: Path | None = None
    on_line: Callable[[str], None] | None = None
    ready: Callable[[Callable[[], bool]], None] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    parent_death_signal: signal.Signals | None = signal.SIGKILL


@dataclass(frozen=True, slots=True)
class ChildStatus:
    """A child as it is now; `peak_rss_bytes` is the largest of all its lives, `why` what happened last."""

    name: str
    state: State = "starting"
    pid: int | None = None
    restarts: int = 0
    exit_code: int | None = None
    why: str = ""
    peak_rss_bytes: int = 0


Watching = Callable[[ChildStatus], None]
"""Told each change of a child's state: for a log line or a live view."""


def _say_nothing(_: ChildStatus) -> None:
    pass


class Supervisor:
    """The children of one process. `start` may be called again for more; `stop` ends all, in order."""

    def __init__(
        self, settings: ProcessSettings, *, watching: Watching = _say_nothing, clock: Clock | None = None
    ) -> None:
        self._settings = settings
        self._watching = watching
        self._clock = clock or SystemClock()
        self._children: dict[str, _Child] = {}
        self.failed = asyncio.Event()
        """Set when a child ended with a code that another try cannot mend."""

    async def start(self, *specs: ChildSpec) -> None:
        """Start the children, all at once, and return when each is ready.

        A child that dies before is started again like any other; one that failed for good (see `failed`), and `stop`,
        end the wait for it.
        """
        children = []
        for spec in specs:
            if spec.name in self._children:
                raise ValueError(f"there is already a child {spec.name}")
            child = _Child(spec, self._settings, clock=self._clock, told=self._told)
            self._children[spec.name] = child
            children.append(child)
            child.keep()
        for child in children:
            await child.usable.wait()

    async def stop(self, within_s: float | None = None) -> bool:
        """End all children within `within_s` seconds (the settings' `drain_s`); False when any had to be killed.

        The highest group is asked first, and the next when it is gone. May be called twice.
        """
        left_s = self._settings.drain_s if within_s is None else within_s
        deadline = self._clock.monotonic() + left_s
        reserve_s = left_s * SERVERS_SHARE
        groups = sorted({child.spec.group for child in self._children.values()}, reverse=True)
        clean = True
        for index, group in enumerate(groups):
            later = len(groups) - index - 1
            budget_s = max(0.0, deadline - self._clock.monotonic() - reserve_s * later)
            members = [child for child in self._children.values() if child.spec.group == group]
            clean &= all(await asyncio.gather(*(child.stop(budget_s) for child in members)))
        return clean

    def alive(self, name: str) -> bool:
        """Tell whether the child runs now."""
        return self._children[name].alive()

    def status(self) -> list[ChildStatus]:
        """Return every child as it is now, in the order of starting."""
        for child in self._children.values():
            child.sample()
        return [child.status for child in self._children.values()]

    def _told(self, status: ChildStatus) -> None:
        if status.state == "failed":
            self.failed.set()
        self._watching(status)


class _Child:
    """One child through all its lives."""

    def __init__(self, spec: ChildSpec, settings: ProcessSettings, *, clock: Clock, told: Watching) -> None:
        self.spec = spec
        self.status = ChildStatus(spec.name)
        self.usable = asyncio.Event()
        self._settings = settings
        self._clock = clock
        self._told = told
        self._backoff = Backoff(first_s=settings.restart_first_s, longest_s=settings.restart_longest_s)
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._last_line = ""

    def keep(self) -> None:
        """Start, and keep running until stopped."""
        self._task = asyncio.create_task(self._lives(), name=f"child {self.spec.name}")

    def alive(self) -> bool:
        """Tell whether the process is there."""
        return self._process is not None and self._process.returncode is None

    def sample(self) -> None:
        """Remember the peak of its memory: once it has ended, nobody can tell."""
        if self._process is not None and self.alive():
            peak = max(self.status.peak_rss_bytes, peak_rss_bytes(self._process.pid))
            self.status = replace(self.status, peak_rss_bytes=peak)

    async def stop(self, within_s: float) -> bool:
        """Ask it to end, kill it and all it started when it does not; False when killed."""
        self._stopping.set()
        self.usable.set()
        if self._task is None:
            return True
        self.sample()
        clean = True
        if self._process is not None and self.alive():
            self._say("stopping")
            _signal(self._process, self.spec.stop_signal)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._process.wait()
            if self.alive():
                clean = False
                _kill_session(self._process)
        await self._task
        if self.status.state not in {"failed", "held"}:
            self._say("stopped")
        return clean

    async def _lives(self) -> None:
        short_lives = 0
        while not self._stopping.is_set():
            started_at = self._clock.monotonic()
            code = await self._live()
            if self._stopping.is_set():
                return
            lived_s = self._clock.monotonic() - started_at
            short_lives = 1 if lived_s >= self._settings.healthy_after_s else short_lives + 1
            if code in NO_RETRY:
                self._say("failed", exit_code=code, why=self._ended(code))
                self.usable.set()
                return
            if code in HELD:
                self._say("held", exit_code=code, why=f"{self._ended(code)}; not started again")
                self.usable.set()
                return
            wait_s = self._backoff.wait_s(short_lives, random.random())  # noqa: S311 - no secret
            why = f"{self._ended(code)}; again in {wait_s:.1f} s"
            self._say("waiting", exit_code=code, why=why, restarts=self.status.restarts + 1)
            await _first(self._stopping.wait(), self._clock.sleep(wait_s))

    async def _live(self) -> int:
        """One life, from start to end; return its exit code (negative: the signal that ended it)."""
        self._last_line = ""
        self._say("starting", pid=None)
        try:
            with _output(self.spec) as output:
                process = await asyncio.create_subprocess_exec(
                    *dying_with_us(self.spec),
                    stdin=DEVNULL,
                    stdout=output,
                    stderr=STDOUT if output is not None else None,
                    env={**os.environ, **self.spec.env},
                    cwd=self.spec.cwd,
                    start_new_session=True,
                )
        except OSError as error:
            self._last_line = f"cannot start {self.spec.argv[0]}: {(error.strerror or str(error)).lower()}"
            return SettingsInvalid.exit_code
        self._process = process
        if self._stopping.is_set():
            _kill_session(process)
        self.status = replace(self.status, pid=process.pid)
        helpers = [asyncio.create_task(job) for job in (self._watch(), self._read(process), self._become_ready())]
        code = await process.wait()
        helpers[0].cancel()
        # Its last lines are read to their end, unless a grandchild holds the pipe.
        await asyncio.wait(helpers[1:], timeout=1)
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        return code

    async def _become_ready(self) -> None:
        if self.spec.ready is not None:
            try:
                await asyncio.to_thread(self.spec.ready, self.alive)
            except Exception as error:  # noqa: BLE001 - the supervisor's one boundary: whatever it says, try again
                self._last_line = sanitised(str(error), LAST_WORDS)
                if self._process is not None and self.alive():
                    _kill_session(self._process)
                return
        if self.alive() and not self._stopping.is_set():
            self._say("running")
            self.usable.set()

    async def _watch(self) -> None:
        while True:
            self.sample()
            await asyncio.sleep(SAMPLE_S)

    async def _read(self, process: Process) -> None:
        if process.stdout is None or self.spec.on_line is None:
            return
        while line := await _line(process.stdout):
            self._last_line = line.strip() or self._last_line
            self.spec.on_line(line)

    def _ended(self, code: int) -> str:
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        said = self._last_line or (_last_line_of(self.spec.log) if self.spec.log else "")
        return f"{how}: {sanitised(told(said), LAST_WORDS)}" if said else how

    def _say(self, state: State, **changes: object) -> None:
        self.status = replace(self.status, state=state, **changes)  # type: ignore[arg-type]
        self._told(self.status)


async def _first(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when the first of some waits is over; the others are given up."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def _line(stream: asyncio.StreamReader) -> str:
    """Return the next line with its end; one that is longer than the buffer comes in pieces; '' at the end."""
    try:
        raw = await stream.readline()
    except ValueError:
        raw = await stream.read(4096)
    return raw.decode(errors="replace")


def dying_with_us(spec: ChildSpec) -> tuple[str, ...]:
    """Return the argument vector, by way of `runtime.pdeathsig` so that the kernel ends the child with us."""
    if spec.parent_death_signal is None or not sys.platform.startswith("linux"):
        return spec.argv
    trampoline = Path(__file__).with_name("pdeathsig.py")
    return (sys.executable, "-IS", str(trampoline), str(int(spec.parent_death_signal)), str(os.getpid()), *spec.argv)


@contextlib.contextmanager
def _output(spec: ChildSpec) -> Iterator[IO[bytes] | int | None]:
    if spec.log is not None:
        spec.log.parent.mkdir(parents=True, exist_ok=True)
        with spec.log.open("ab") as file:
            yield file
    else:
        yield PIPE if spec.on_line is not None else None


def _signal(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def _kill_session(process: Process) -> None:
    # The child leads its session, so its group is its own: whatever it started goes with it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _last_line_of(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
