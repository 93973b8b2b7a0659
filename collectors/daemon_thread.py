"""Work that may hang, and that nothing can cancel: in a thread that nobody waits for at exit."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_daemon_thread(work: Callable[[], T], name: str) -> "asyncio.Future[T]":
    """Run `work` in a thread of its own; the future has its result or its error. The thread may outlive the loop."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - handed to the one who awaits
            _hand_over(loop, _fail, future, error)
        else:
            _hand_over(loop, _succeed, future, result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


def _succeed(future: "asyncio.Future[T]", result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[T]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


def _hand_over(
    loop: asyncio.AbstractEventLoop, how: Callable[..., None], future: "asyncio.Future[T]", outcome: object
) -> None:
    # The loop may be gone by the time a hanging call returns.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(how, future, outcome)
