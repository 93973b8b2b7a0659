"""`infrastructor up` as a user starts it: real processes, the real broker, the real database."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(180)]

ROOT = Path(__file__).resolve().parents[2]
UP = (sys.executable, "-m", "cli.main", "up")
QUICK = {
    "INFRASTRUCTOR_AGENT__INTERVAL_S": "1",
    "INFRASTRUCTOR_AGENT__DEVICE_ID": "box",
    # What else there is on this machine, a Docker engine that is not running say, must not make it degraded.
    "INFRASTRUCTOR_AGENT__COLLECTORS": "system,identity,network",
}
METRIC = "infrastructor.metric.collected.v1"
TICK = "infrastructor.clock.ticked.v1"
ALWAYS = """
revision: 1
rules:
  - name: always
    severity: warning
    select: {metric: system.memory.limit}
    condition: {kind: above, level: 0}
    for: 2s
    clear_for: 1s
    annotations: {summary: "{device}: there is memory"}
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests of this module, so that later ones start with the data of earlier ones."""
    folder = tmp_path_factory.mktemp("up")
    (folder / "rules.yaml").write_text(ALWAYS)
    return folder / "data"


def environment(data_dir: Path, more: Mapping[str, str]) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("INFRASTRUCTOR_LOG")}
    rules = {
        "INFRASTRUCTOR_STREAMS__RULES_FILE": str(data_dir.parent / "rules.yaml"),
        "INFRASTRUCTOR_STREAMS__POLICIES_FILE": str(ROOT / "tests" / "policies_at_once.yaml"),
        "INFRASTRUCTOR_STREAMS__TICK_S": "1",
    }
    return {**ours, "INFRASTRUCTOR_DATA_DIR": str(data_dir), **QUICK, **rules, **more}


def up(data_dir: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*UP, *arguments], cwd=ROOT, env=environment(data_dir, more), capture_output=True, text=True, check=False
    )


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """Every process that was started for this data folder."""
    found = []
    for process in psutil.process_iter():
        try:
            variables = process.environ()
        except psutil.Error:
            continue
        if variables.get("INFRASTRUCTOR_DATA_DIR") == str(data_dir) and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def child(data_dir: Path, *command: str) -> psutil.Process:
    (found,) = [p for p in processes_of(data_dir) if p.cmdline()[-len(command) - 1 :] == ["cli.main", *command]]
    return found


class Screen:
    """What a terminal of 80 by 24 shows: enough of one to see text at its place."""

    def __init__(self, file: int, process: "subprocess.Popen[bytes]") -> None:
        self._file = file
        self.process = process
        self.seen = ""

    def until(self, *wanted: str, within: float) -> str:
        """Read until a whole picture has all the texts; return it."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            picture = self.picture()
            if all(text in picture for text in wanted):
                return picture
            self._read()
        raise AssertionError(f"not all of {wanted} within {within} s; the last picture was:\n{self.picture()}")

    def picture(self) -> str:
        """The last picture, without its colours: each begins by moving the cursor home."""
        frames = self.seen.split("\x1b[H")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frames[-2] if len(frames) > 1 else "")

    def end(self, within: float) -> int:
        """Read on until the process is gone; return its exit code."""
        deadline = time.monotonic() + within
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read()
        assert self.process.poll() is not None, f"still there after {within} s:\n{self.picture()}"
        self._read()
        return self.process.wait()

    def _read(self) -> None:
        if select.select([self._file], [], [], 0.2)[0]:
            try:
                self.seen += os.read(self._file, 65_536).decode(errors="replace")
            except OSError:
                # The other side is closed.
                time.sleep(0.05)


@contextmanager
def on_terminal(data_dir: Path, *arguments: str, width: int = 80, height: int = 24) -> Iterator[Screen]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    process = subprocess.Popen(
        [*UP, *arguments],
        cwd=ROOT,
        env=environment(data_dir, {"TERM": "xterm-256color"}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Screen(ours, process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)


def test_a_bounded_run_ends_with_a_summary_that_adds_up(data_dir: Path) -> None:
    done = up(data_dir, "--for", "12s", "--summary", "json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["published"][METRIC] >= 8
    assert summary["published"]["infrastructor.device.registered.v1"] >= 1
    assert summary["derived"]["infrastructor.device.status_changed.v1"] >= 1
    assert summary["derived"][TICK] > 0
    assert summary["consistent"] is True, done.stderr
    assert summary["dead_letters"] == 0
    assert summary["gaps"] == 0
    everything = sum(summary["published"].values()) + sum(summary["derived"].values())
    assert summary["stored"]["events"] == everything - summary["derived"][TICK]
    # A rule that always holds: raised, told to nobody, recorded.
    assert summary["derived"]["infrastructor.alert.raised.v1"] == 1
    assert summary["notifications"] == {"requested": 1, "delivered": 0, "failed": 0, "suppressed": 1}
    assert summary["suppressed_by_reason"] == {"not_configured": 1}
    assert (summary["stored"]["alerts"], summary["stored"]["notifications"]) == (1, 1)
    assert summary["stored"]["metric_samples"] > 8 * 20
    processes = {"broker", "database", "agent", "streams", "sink-timescale", "sink-gotify"}
    assert set(summary["peak_rss_bytes"]) == processes | {"up"}
    assert all(size > 1_000_000 for size in summary["peak_rss_bytes"].values())
    assert summary["restarts"] == dict.fromkeys(processes, 0), done.stderr
    assert re.fullmatch(r"127\.0\.0\.1:\d+", summary["kafka"])
    assert summary["database_url"].startswith("postgresql://infrastructor:")
    assert "first event after" in done.stderr
    assert "box is online" in done.stderr
    assert not processes_of(data_dir)


def test_the_live_view_shows_the_pipeline_survives_a_kill_and_stops_on_ctrl_c(data_dir: Path) -> None:
    with on_terminal(data_dir) as screen:
        began = time.monotonic()
        screen.until("box online", "sink-gotify", "metric_samples", "cpu", within=40)
        assert time.monotonic() - began < 30
        # The alert is from the run before, and the notification.
        picture = screen.until("timescale", "psql", "always", "suppressed (not_configured)", within=15)
        assert "127.0.0.1:" in picture
        with psycopg.connect(_url(data_dir)) as connection:
            row = connection.execute("SELECT count(*) FROM metric_samples").fetchone()
            assert row is not None
            assert row[0] > 0
        _psql_line_works(data_dir)
        _commands_beside_it_need_no_settings(data_dir)
        _second_start_is_refused(data_dir)
        agent = child(data_dir, "agent")
        agent.kill()
        screen.until("x1", within=10)
        _until(lambda: child(data_dir, "agent").pid != agent.pid, within=10)
        began = time.monotonic()
        screen.process.send_signal(signal.SIGINT)
        assert screen.end(within=15) == 0
        assert time.monotonic() - began < 10
        assert "all stopped in" in screen.seen
        assert "Traceback" not in screen.seen
    assert not processes_of(data_dir)


def test_when_it_is_killed_no_process_stays(data_dir: Path) -> None:
    with on_terminal(data_dir, "--plain") as screen:
        # Itself and its four workers, beside the broker and the database.
        _until(lambda: sum("cli.main" in p.cmdline() for p in processes_of(data_dir)) == 5, within=30)
        screen.process.kill()
        _until(lambda: not processes_of(data_dir), within=10)


def test_ctrl_c_while_starting_stops_what_was_started(data_dir: Path) -> None:
    with on_terminal(data_dir, "--plain") as screen:
        _until(lambda: len(processes_of(data_dir)) >= 2, within=30)
        screen.process.send_signal(signal.SIGINT)
        assert screen.end(within=12) == 0
    assert not processes_of(data_dir)


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("INFRASTRUCTOR_KAFKA__LINGER_MS", "-4", 78),
        ("INFRASTRUCTOR_AGENT__INTERVAL_S", "often", 78),
        ("INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS", "nonsense", 78),
        ("INFRASTRUCTOR_LOCAL__KAFKA_PORT", "0", 78),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path, variable: str, value: str, code: int) -> None:
    done = up(tmp_path / "data", "--for", "1s", **{variable: value})
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {variable}: ")
    assert not processes_of(tmp_path / "data")


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = up(tmp_path / "data", "--for", "1s", INFRASTRUCTOR_LOCAL__KAFKA_PORT=str(port))
    assert done.returncode == 75
    (line,) = done.stderr.splitlines()
    assert f"port {port} is taken" in line


def test_a_database_that_is_away_is_one_line_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(ALWAYS)
    url = "postgresql://me:hidden@127.0.0.1:1/x"
    done = up(tmp_path / "data", "--for", "1s", INFRASTRUCTOR_DATABASE__URL=url)
    assert done.returncode == 69
    (line,) = done.stderr.splitlines()
    assert "postgresql://me@127.0.0.1:1/x cannot be reached" in line
    assert "hidden" not in done.stdout + done.stderr
    assert not processes_of(tmp_path / "data")


def _url(data_dir: Path) -> str:
    password = (data_dir / "postgres" / "password").read_text()
    port = json.loads((data_dir / "ports.json").read_text())["postgres"]
    return f"postgresql://infrastructor:{password}@127.0.0.1:{port}/infrastructor"


def _psql_line_works(data_dir: Path) -> None:
    done = subprocess.run(
        [str(data_dir / "psql"), "-Atc", "SELECT 6 * 7"], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.stdout == "42\n", done.stderr


def _commands_beside_it_need_no_settings(data_dir: Path) -> None:
    for arguments, wanted in ((("alerts", "list"), "there is memory"), (("db", "status"), "up to date")):
        command = [sys.executable, "-m", "cli.main", *arguments]
        told = environment(data_dir, {})
        done = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=False)
        assert (done.returncode, wanted in done.stdout) == (0, True), done.stdout + done.stderr


def _second_start_is_refused(data_dir: Path) -> None:
    done = up(data_dir, "--for", "1s")
    assert done.returncode == 75
    assert "is in use by process" in done.stderr


def _until(true: Callable[[], bool], *, within: float) -> None:
    deadline = time.monotonic() + within
    while True:
        try:
            if true():
                return
        except ValueError:
            # The process that is looked for is not there just now.
            pass
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)
