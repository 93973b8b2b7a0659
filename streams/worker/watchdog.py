"""The watchdog: a thread that ends the process when there are records to read and none are read for long.

Consumers of this kind have been seen to stop without a sign. What the worker owns it reads again after a restart, and
ending at once loses nothing: what is not acknowledged is done again.
"""

import os
import sys
import threading
import time
from collections.abc import Callable

EXIT_CODE = 75
CHECK_S = 1.0


class Watchdog:
    """`made_progress` is to be called when a batch was stored, `behind` says whether there is something to read."""

    def __init__(self, *, stuck_s: float, behind: Callable[[], bool]) -> None:
        self._stuck_s = stuck_s
        self._behind = behind
        self._progress = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        self._progress = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()

    def made_progress(self) -> None:
        """Something was stored."""
        self._progress = time.monotonic()

    def _watch(self) -> None:
        while not self._stopped.wait(CHECK_S):
            if not self._behind():
                self._progress = time.monotonic()
            elif time.monotonic() - self._progress > self._stuck_s:
                print(  # noqa: T201 - the log may be what is stuck
                    f"error: no progress for {self._stuck_s:g} s though there are records to read: the worker ends, "
                    "to be started again",
                    file=sys.stderr,
                    flush=True,
                )
                os._exit(EXIT_CODE)
