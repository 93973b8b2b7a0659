"""The watchdog ends a process whose event loop hangs: it is a thread, and needs no loop."""

import subprocess
import sys

import pytest

from streams.worker.watchdog import EXIT_CODE

HANGS = """
import time
from streams.worker.watchdog import Watchdog
began = time.monotonic()
Watchdog(stuck_s={stuck_s}, stalled_s=lambda now: {stalled}).start()
time.sleep(2.5)
"""


def ended(stalled: str) -> "subprocess.CompletedProcess[str]":
    code = HANGS.format(stuck_s=0.5, stalled=stalled)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(("stalled", "code"), [("now - began", EXIT_CODE), ("0.0", 0)])
def test_a_worker_with_lag_and_no_progress_ends_and_one_without_goes_on(stalled: str, code: int) -> None:
    done = ended(stalled)
    assert done.returncode == code
    assert ("got no further for 0.5 s" in done.stderr) == bool(code)
