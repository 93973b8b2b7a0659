"""The frame of a long-running process: signals become `Stop`, draining ends, errors become one line and a code."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

from runtime.errors import InfrastructorError
from runtime.redact import Redactor, sanitised

SIGNALS = (signal.SIGTERM, signal.SIGINT)
DRAIN_OVERRUN = 75
_CANCEL_S = 2.0
_END_S = 3.0
"""So long the loop may take to end after `main`; a thread that is still at work is not waited for any longer."""


T = TypeVar("T")


class Stopped(Exception):
    """Asked to stop while `main` was still beginning: there is nothing to drain, the process ends with code 0."""


class Stop:
    """Asked to stop: by a signal, or by `ask`. `main` returns soon after `asked` is true."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.why = ""

    @property
    def asked(self) -> bool:
        """Whether the process shall end."""
        return self._event.is_set()

    def ask(self, why: str) -> None:
        """Ask the process to end. The first reason is kept."""
        if not self.asked:
            self.why = why
            self._event.set()

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until asked, at most `timeout_s`; return whether it was. The way to sleep between two rounds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        return self.asked

    async def unless_asked(self, work: Awaitable[T]) -> T:
        """Return what `work` returns; asked to stop first, cancel it and raise Stopped: for what may be dropped."""
        begun = asyncio.ensure_future(work)
        asking = asyncio.ensure_future(self._event.wait())
        either: set[asyncio.Future[Any]] = {begun, asking}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if begun.done():
                return begun.result()
            raise Stopped
        finally:
            asking.cancel()
            if not begun.done():
                begun.cancel()
                # It closes what it has opened; a library that ignores its cancellation is not waited for.
                await asyncio.wait({begun}, timeout=_CANCEL_S)


Main = Callable[[Stop], Awaitable[None]]


def run_process(main: Main, *, drain_s: float = 10.0, use_uvloop: bool = False) -> int:
    """Run `main` until it returns; return the exit code: 0, an error's own, 75 when it did not drain in time.

    SIGTERM and SIGINT ask it to stop; a second one, or `drain_s` seconds, cancels it. An InfrastructorError becomes one
    line on standard error. Any other error is a fault of this program, and is raised as it is.

    Once `main` is over these signals are ignored: the process is about to end, with the code that is returned.
    """
    with contextlib.ExitStack() as ending:
        try:
            if use_uvloop:
                import uvloop  # noqa: PLC0415 - 3 MB that a small agent goes without

                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    return runner.run(_framed(main, drain_s, ending))
            return asyncio.run(_framed(main, drain_s, ending))
        except InfrastructorError as error:
            print(one_line(error), file=sys.stderr)  # noqa: T201
            return error.exit_code


def leave(code: int) -> NoReturn:
    """End this process now, whatever still runs in it."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def leave_within(seconds: float, code: int) -> threading.Timer:
    """End this process after so long, unless the timer is cancelled."""
    timer = threading.Timer(seconds, leave, args=(code,))
    timer.daemon = True
    timer.start()
    return timer


async def _framed(main: Main, drain_s: float, ending: contextlib.ExitStack) -> int:
    stop = Stop()
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(main(stop))

    def asked(number: signal.Signals) -> None:
        if stop.asked:
            running.cancel()
        stop.ask(number.name)

    for number in SIGNALS:
        loop.add_signal_handler(number, asked, number)
    try:
        code = await _until_over(running, stop, drain_s)
    finally:
        _ignore_signals(loop)
    ending.callback(leave_within(_END_S, code).cancel)
    return code


def _ignore_signals(loop: asyncio.AbstractEventLoop) -> None:
    """Without a moment in which a signal would end the process in its own way."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    for number in SIGNALS:
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


async def _until_over(running: "asyncio.Future[None]", stop: Stop, drain_s: float) -> int:
    asking = asyncio.ensure_future(stop.wait())
    either: set[asyncio.Future[Any]] = {running, asking}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        await asyncio.wait({running}, timeout=drain_s)
    asking.cancel()
    if not running.done():
        running.cancel()
        # What ignores its cancellation is left behind: the process ends all the same.
        await asyncio.wait({running}, timeout=1)
        print(f"not drained within {drain_s:g} s: left as it was", file=sys.stderr)  # noqa: T201
        if not running.done():
            os._exit(DRAIN_OVERRUN)
        return DRAIN_OVERRUN
    if running.cancelled():
        return 128 + signal.SIGINT
    error = running.exception()
    if error is not None and not isinstance(error, Stopped):
        raise error
    return 0


def one_line(error: InfrastructorError) -> str:
    """Return what a person is told: one line, without secrets."""
    return f"error: {sanitised(Redactor().text(error.message), 1000)}"
