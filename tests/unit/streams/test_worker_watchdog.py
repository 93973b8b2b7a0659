"""The watchdog ends a process whose event loop hangs: it is a thread, and needs no loop."""

import subprocess
import sys
import time

import pytest

from streams.worker.owned import Ownership
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


def test_a_rebalance_that_does_not_come_to_an_end_is_no_progress() -> None:
    ownership = Ownership(())
    assert ownership.stuck_s(time.monotonic() + 1000) == 0, "before the first there is nothing to wait for"
    ownership.lose_all()
    assert ownership.stuck_s(time.monotonic() + 100) > 99
    before = time.monotonic()
    ownership.settling_on()
    assert ownership.stuck_s(time.monotonic() + 100) <= 100 + time.monotonic() - before
    ownership.take((), {}, generation=1)
    assert ownership.stuck_s(time.monotonic() + 100) == 0
    ownership.settling_on()
    assert ownership.stuck_s(time.monotonic() + 100) == 0, "what is read of a changelog later begins no rebalance"
