"""The frame of a process: real processes, real signals, and what they leave on standard error."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAD = """
import asyncio, sys
from runtime.errors import DatabaseRefused, SettingsInvalid
from runtime.process import Stop, run_process
"""


def start(body: str, **options: object) -> "subprocess.Popen[str]":
    arguments = "".join(f", {name}={value!r}" for name, value in options.items())
    code = f"{HEAD}\nasync def main(stop):\n    {body}\nsys.exit(run_process(main{arguments}))"
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


def signalled(process: "subprocess.Popen[str]", *numbers: signal.Signals) -> tuple[int, str, float]:
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    began = time.monotonic()
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.2)
    _, errors = process.communicate(timeout=20)
    return process.returncode, errors, time.monotonic() - began


UP = "print('up', flush=True); "


@pytest.mark.parametrize("uvloop", [False, True])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_and_the_process_drains(number: signal.Signals, *, uvloop: bool) -> None:
    process = start(UP + "await stop.wait(); await asyncio.sleep(0.1)", use_uvloop=uvloop)
    assert signalled(process, number)[:2] == (0, "")


def test_what_does_not_drain_is_cut_off_in_time() -> None:
    process = start(UP + "await stop.wait(); await asyncio.sleep(60)", drain_s=0.5)
    code, errors, took_s = signalled(process, signal.SIGTERM)
    assert code == 75
    assert errors == "not drained within 0.5 s: left as it was\n"
    assert took_s < 3


def test_a_second_signal_ends_it_at_once() -> None:
    process = start(UP + "await stop.wait(); await asyncio.sleep(60)", drain_s=30)
    code, errors, took_s = signalled(process, signal.SIGINT, signal.SIGINT)
    assert (code, errors) == (130, "")
    assert took_s < 3


@pytest.mark.parametrize("uvloop", [False, True])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_more_while_it_ends_changes_no_exit_code(number: signal.Signals, *, uvloop: bool) -> None:
    slow = "import atexit, time; atexit.register(time.sleep, 0.6); "
    process = start(slow + UP + "await stop.wait()", use_uvloop=uvloop)
    assert signalled(process, number, number)[:2] == (0, "")


def test_a_thread_that_does_not_end_keeps_no_process() -> None:
    process = start(
        "import time; asyncio.get_running_loop().run_in_executor(None, time.sleep, 60); " + UP + "await stop.wait()"
    )
    code, _, took_s = signalled(process, signal.SIGTERM)
    assert code == 0
    assert took_s < 10


def test_our_errors_are_one_line_and_their_exit_code() -> None:
    process = start("raise DatabaseRefused('postgresql://me:secret@db refused\\nthe login')")
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (
        77,
        "",
        "error: postgresql://me:********@db refused the login\n",
    )


def test_what_nobody_expected_is_raised_as_it_is() -> None:
    process = start("raise ZeroDivisionError('a fault of ours')")
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "ZeroDivisionError: a fault of ours" in errors


def test_waiting_between_rounds_ends_when_asked() -> None:
    process = start("first = await stop.wait(0.01); " + UP + "print(first, await stop.wait(60), stop.why)")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=20)[0] == "False True SIGTERM\n"


def test_what_has_not_begun_is_dropped_at_once() -> None:
    process = start(f"{UP}await stop.unless_asked(asyncio.sleep(60))")
    code, errors, took_s = signalled(process, signal.SIGTERM)
    assert (code, errors) == (0, "")
    assert took_s < 3


def test_what_begins_in_time_gives_its_result() -> None:
    process = start(f"{UP}sys.exit(await stop.unless_asked(asyncio.sleep(0.1, 7)))")
    process.communicate(timeout=20)
    assert process.returncode == 7
