"""The watchdog: a thread that ends the process when there are records to read and none are read for long.

So it does when partitions are shared out anew and that does not come to an end.

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
    """`stalled_s` says, of a moment of the monotonic clock, for how long the worker has not got on."""

    def __init__(self, *, stuck_s: float, stalled_s: Callable[[float], float]) -> None:
        self._stuck_s = stuck_s
        self._stalled_s = stalled_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(CHECK_S):
            if self._stalled_s(time.monotonic()) > self._stuck_s:
                print(  # noqa: T201 - the log may be what is stuck
                    "error: a partition has records to read, or partitions are shared out, and it got no further for "
                    f"{self._stuck_s:g} s: the worker ends, to be started again",
                    file=sys.stderr,
                    flush=True,
                )
                os._exit(EXIT_CODE)
