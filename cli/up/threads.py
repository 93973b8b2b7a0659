"""Blocking work beside the loop, in threads that nobody has to wait for when the run is over."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

_NAME = "infrastructor-up"


async def in_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns. Cancelled, the thread is left to itself: a download cannot be interrupted."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failure = None, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - handed over to the loop, which raises it
            failure = error
        # The loop may be closed by now.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name=_NAME, daemon=True).start()
    return await done


async def settled(within_s: float) -> bool:
    """Wait until no such thread works any more; False when that takes longer than `within_s` seconds."""
    deadline = time.monotonic() + within_s
    for thread in _working():
        await asyncio.to_thread(thread.join, max(0.0, deadline - time.monotonic()))
    return not _working()


def leave_at_once_if_busy(code: int) -> None:
    """End the process when such a thread still works: the interpreter would wait for what it started."""
    if _working():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _working() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == _NAME]
