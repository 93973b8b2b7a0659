"""Children: restarted with growing waits, not when another try is useless, stopped in order, gone with their parent."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from runtime.settings import ProcessSettings
from runtime.supervise import ChildSpec, ChildStatus, Supervisor

QUICK = ProcessSettings(restart_first_s=0.05, restart_longest_s=0.2, healthy_after_s=60, drain_s=5)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


async def until(condition: Callable[[], bool], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_child_that_dies_is_started_again_and_the_reason_is_told() -> None:
    seen: list[ChildStatus] = []
    supervisor = Supervisor(QUICK, watching=seen.append)
    await supervisor.start(ChildSpec("worker", python("import time; time.sleep(60)"), on_line=lambda _: None))
    (status,) = supervisor.status()
    assert status.state == "running"
    assert status.pid is not None

    os.kill(status.pid, signal.SIGKILL)
    await until(lambda: supervisor.status()[0].restarts == 1 and supervisor.status()[0].state == "running")

    assert supervisor.status()[0].pid != status.pid
    assert any(s.state == "waiting" and s.why.startswith("killed by SIGKILL; again in") for s in seen)
    assert supervisor.status()[0].peak_rss_bytes > 1_000_000
    assert await supervisor.stop()
    assert supervisor.status()[0].state == "stopped"


async def test_waits_between_restarts_grow() -> None:
    seen: list[ChildStatus] = []
    supervisor = Supervisor(QUICK, watching=seen.append)
    await supervisor.start(ChildSpec("worker", python("raise SystemExit('no luck')"), on_line=lambda _: None))
    await until(lambda: supervisor.status()[0].restarts >= 3)
    await supervisor.stop()
    waits = [float(s.why.rpartition("again in ")[2].split()[0]) for s in seen if s.state == "waiting"]
    assert waits[:3] == sorted(waits[:3])
    assert "ended with exit code 1: no luck" in next(s.why for s in seen if s.state == "waiting")


async def test_wrong_settings_are_told_and_not_tried_again(tmp_path: Path) -> None:
    supervisor = Supervisor(QUICK)
    code = "import sys; print('error: INFRASTRUCTOR_X is wrong', file=sys.stderr); sys.exit(78)"
    await supervisor.start(ChildSpec("worker", python(code), log=tmp_path / "log" / "worker.log"))
    await until(supervisor.failed.is_set)
    (status,) = supervisor.status()
    assert (status.state, status.restarts, status.exit_code) == ("failed", 0, 78)
    assert status.why == "ended with exit code 78: error: INFRASTRUCTOR_X is wrong"
    assert await supervisor.stop()


async def test_a_poisoned_child_is_left_as_it_ended_and_the_others_go_on() -> None:
    supervisor = Supervisor(QUICK)
    await supervisor.start(ChildSpec("other", python("import time; time.sleep(60)"), on_line=lambda _: None))
    code = "import sys; print('error: 1000 in a row'); sys.exit(76)"
    await supervisor.start(ChildSpec("worker", python(code), on_line=lambda _: None))
    await until(lambda: supervisor.status()[1].state == "held")
    await asyncio.sleep(0.3)
    other, worker = supervisor.status()
    assert (worker.state, worker.restarts) == ("held", 0)
    assert worker.why == "ended with exit code 76: error: 1000 in a row; not started again"
    assert other.state == "running"
    assert not supervisor.failed.is_set()
    assert await supervisor.stop()


async def test_a_program_that_is_not_there_is_told_once() -> None:
    supervisor = Supervisor(QUICK)
    await supervisor.start(ChildSpec("worker", ("/no/such/program",), on_line=lambda _: None))
    await until(supervisor.failed.is_set)
    assert "cannot start /no/such/program: no such file or directory" in supervisor.status()[0].why
    await supervisor.stop()


async def test_workers_stop_before_servers_and_what_does_not_stop_is_killed() -> None:
    order: list[str] = []
    supervisor = Supervisor(
        QUICK, watching=lambda status: order.append(status.name) if status.state == "stopped" else None
    )
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    deaf = asyncio.Event()
    await supervisor.start(ChildSpec("server", python("import time; time.sleep(60)"), group=0))
    await supervisor.start(
        ChildSpec("worker", python(stubborn), group=1, on_line=lambda _: deaf.set()),
        ChildSpec("other", python("import time; time.sleep(60)"), group=1),
    )
    await asyncio.wait_for(deaf.wait(), 10)

    began = time.monotonic()
    clean = await supervisor.stop(within_s=1.5)

    assert not clean
    assert order[-1] == "server"
    assert 0.9 < time.monotonic() - began < 1.6
    assert not any(supervisor.alive(name) for name in ("server", "worker", "other"))


async def test_a_child_is_running_only_once_it_is_ready(tmp_path: Path) -> None:
    flag = tmp_path / "flag"

    def ready(alive: Callable[[], bool]) -> None:
        while not flag.exists():
            assert alive()
            time.sleep(0.01)

    supervisor = Supervisor(QUICK)
    starting = asyncio.create_task(
        supervisor.start(ChildSpec("server", python("import time; time.sleep(60)"), ready=ready))
    )
    await until(lambda: any(status.pid for status in supervisor.status()))
    assert supervisor.status()[0].state == "starting"
    flag.touch()
    await starting
    assert supervisor.status()[0].state == "running"
    await supervisor.stop()


async def test_one_that_never_gets_ready_is_tried_again() -> None:
    def never(_: Callable[[], bool]) -> None:
        raise RuntimeError("port 9092 does not answer")

    seen: list[ChildStatus] = []
    supervisor = Supervisor(QUICK, watching=seen.append)
    starting = asyncio.create_task(
        supervisor.start(ChildSpec("server", python("import time; time.sleep(60)"), ready=never))
    )
    await until(lambda: any(status.restarts for status in supervisor.status()))
    await supervisor.stop()
    await starting
    assert "killed by SIGKILL: port 9092 does not answer" in next(s.why for s in seen if s.state == "waiting")


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = (
        "import asyncio\n"
        "from runtime.settings import ProcessSettings\n"
        "from runtime.supervise import ChildSpec, Supervisor\n"
        "async def main():\n"
        "    supervisor = Supervisor(ProcessSettings())\n"
        "    await supervisor.start(ChildSpec('sleeper', ('sleep', '60')))\n"
        "    await asyncio.sleep(0.3)\n"
        "    print(supervisor.status()[0].pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen(python(parent), stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
    assert process.stdout is not None
    child = psutil.Process(int(process.stdout.readline()))
    assert child.name() == "sleep"
    process.kill()
    process.wait()
    process.stdout.close()
    _, alive = psutil.wait_procs([child], timeout=5)
    assert not alive
