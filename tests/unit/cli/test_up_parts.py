"""The small parts of `infrastructor up`: what is started, memory, lag, the summary, logs."""

import logging
import os
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from cli.up.lag import behind
from cli.up.logs import LogFile, LogStream
from cli.up.memory import Memory, memory_of
from cli.up.phases import Phases
from cli.up.plan import WORKERS, http_ports, is_set, make_plan, worker
from cli.up.polls import waits_for
from cli.up.run import write_psql
from cli.up.stored import added
from cli.up.summary import Outcome, summary
from cli.up.tally import Tally
from runtime.clock import ManualClock
from runtime.settings import World

LOCAL = {
    "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:19092",
    "INFRASTRUCTOR_DATABASE__HOST": "127.0.0.1",
    "INFRASTRUCTOR_DATABASE__PASSWORD_FILE": "/data/postgres/password",
}


def world(**environ: str) -> World:
    return World((("environment", environ), ("runtime.env", {}), (".env", {})))


@pytest.mark.parametrize(
    ("environ", "kafka", "database"),
    [
        ({}, True, True),
        ({"INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": ""}, True, True),
        ({"INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": "kafka:9092"}, False, True),
        ({"INFRASTRUCTOR_DATABASE__URL": "postgresql://db/x"}, True, False),
        ({"INFRASTRUCTOR_DATABASE__URL_FILE": "/run/secrets/url"}, True, False),
        ({"INFRASTRUCTOR_DATABASE__HOST": "db"}, True, False),
        ({"INFRASTRUCTOR_DATABASE__PASSWORD": "x"}, True, True),
    ],
)
def test_what_settings_point_elsewhere_is_not_started(environ: dict[str, str], kafka: bool, database: bool) -> None:
    plan = make_plan(world(**environ))
    assert (plan.local_kafka, plan.local_database) == (kafka, database)
    names = {name.split("__")[0] for name in plan.environment(LOCAL)}
    assert ("INFRASTRUCTOR_KAFKA" in names, "INFRASTRUCTOR_DATABASE" in names) == (kafka, database)


def test_a_setting_in_a_file_counts() -> None:
    layered = World((("environment", {}), ("runtime.env", {}), (".env", {"INFRASTRUCTOR_DATABASE__HOST": "db"})))
    assert is_set(layered, "INFRASTRUCTOR_DATABASE__HOST")


def test_a_worker_gets_its_port_its_folder_and_our_code(tmp_path: Path) -> None:
    plan = make_plan(world(INFRASTRUCTOR_DATA_DIR=str(tmp_path)))
    told: list[str] = []
    spec = worker("sink-timescale", plan, LOCAL, port=20_001, tell=told.append)
    assert spec.argv[-2:] == ("sink", "timescale")
    assert spec.env["INFRASTRUCTOR_HTTP__PORT"] == "20001"
    assert spec.env["INFRASTRUCTOR_DATA_DIR"] == str(tmp_path)
    assert spec.env["INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS"] == "127.0.0.1:19092"
    assert str(Path(__file__).resolve().parents[3]) in spec.env["PYTHONPATH"].split(os.pathsep)
    assert spec.on_line is not None
    spec.on_line("hello\n")
    assert (tmp_path / "logs" / "sink-timescale.log").read_text() == "hello\n"
    for _ in range(2):
        spec.on_line('{"event": "rules refused", "why": "no YAML", "level": "error"}\n')
    assert told == ["sink-timescale: rules refused: no YAML"]


def test_who_tells_nobody_without_settings_is_started_only_with_them() -> None:
    always = ("agent", "streams", "sink-timescale", "sink-gotify")
    assert make_plan(world()).workers == always
    webhook = {"INFRASTRUCTOR_WEBHOOK__URL": "https://h/x", "INFRASTRUCTOR_WEBHOOK__SECRET": "0123456789abcdef"}
    assert make_plan(world(**webhook)).workers == (*always, "sink-webhook")


def test_no_two_workers_rotate_one_file(tmp_path: Path) -> None:
    plan = make_plan(world(INFRASTRUCTOR_LOG__FILE=str(tmp_path / "all.log")))
    files = {worker(name, plan, LOCAL, port=20_001, tell=print).env["INFRASTRUCTOR_LOG__FILE"] for name in WORKERS}
    assert files == {str(tmp_path / f"all-{name}.log") for name in WORKERS}


def test_every_worker_has_a_port_of_its_own() -> None:
    ports = http_ports(WORKERS)
    assert set(ports) == set(WORKERS)
    assert len(set(ports.values())) == len(WORKERS)


def test_logging_writes_to_a_log_as_to_a_stream(tmp_path: Path) -> None:
    logging.StreamHandler(LogStream(tmp_path / "up.log")).handle(logging.makeLogRecord({"msg": "hello"}))
    assert (tmp_path / "up.log").read_text() == "hello\n"


def test_a_log_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.up.logs._BYTES", 100)
    log = LogFile(tmp_path / "logs" / "x.log")
    for number in range(20):
        log.write(f"line {number} of some length\n")
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["x.log", "x.log.1", "x.log.2", "x.log.3"]


def process(proc: Path, pid: int, *, children: str = "", rss_kb: int = 0, peak_kb: int = 0, pss_kb: int = 0) -> None:
    folder = proc / str(pid)
    (folder / "task" / str(pid)).mkdir(parents=True)
    (folder / "task" / str(pid) / "children").write_text(children)
    (folder / "status").write_text(f"Name:\tx\nVmHWM:\t{peak_kb} kB\nVmRSS:\t{rss_kb} kB\n")
    (folder / "smaps_rollup").write_text(f"00400000-7fff [rollup]\nRss: {rss_kb} kB\nPss: {pss_kb} kB\n")


def test_memory_of_one_process_is_what_the_kernel_says(tmp_path: Path) -> None:
    process(tmp_path, 7, rss_kb=100, peak_kb=150)
    assert memory_of(7, tmp_path) == Memory(100 * 1024, 150 * 1024)


def test_memory_that_a_family_shares_counts_once(tmp_path: Path) -> None:
    process(tmp_path, 7, children="8 9 ", rss_kb=100, pss_kb=40)
    process(tmp_path, 8, children="10 ", rss_kb=100, pss_kb=30)
    process(tmp_path, 9, rss_kb=100, pss_kb=20)
    process(tmp_path, 10, rss_kb=100, pss_kb=10)
    assert memory_of(7, tmp_path) == Memory(100 * 1024, 100 * 1024)


def test_a_process_that_is_gone_has_no_memory(tmp_path: Path) -> None:
    assert memory_of(7, tmp_path) is None
    assert memory_of(os.getpid()) is not None


def test_lag_is_counted_where_a_group_has_committed() -> None:
    first, second, third = (TopicPartition("t", number) for number in range(3))
    assert behind({first: 5, second: 20, TopicPartition("gone", 0): 1}, {first: 10, second: 20, third: 99}) == 5
    assert behind({first: -1}, {first: 10}) == 0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"conditions": {"kafka": {"ok": False, "why": "away"}, "x": {"ok": True, "why": ""}}}, "kafka: away"),
        ({"conditions": {"kafka": {"ok": False, "why": ""}}}, "kafka"),
        ({"conditions": {}}, ""),
        ({}, ""),
    ],
)
def test_what_a_worker_waits_for(answer: dict[str, object], said: str) -> None:
    assert waits_for(answer) == said


def test_rows_of_a_run_are_the_difference() -> None:
    assert added({"events": 10, "gaps": 1}, {"events": 15, "gaps": 1, "new": 2}) == {"events": 5, "gaps": 0, "new": 2}


async def test_phases_are_told_once_with_their_time() -> None:
    clock = ManualClock()
    told: list[str] = []
    phases = Phases(clock, tell=told.append)
    await clock.advance(1.5)
    phases.reached("Kafka answers")
    await clock.advance(1)
    phases.reached("Kafka answers")
    assert told == ["Kafka answers after 1.5 s"]
    assert phases.done == {"Kafka answers": 1.5}


def test_the_summary_has_what_the_issue_names() -> None:
    tally = Tally()
    tally.published["infrastructor.metric.collected.v1"] = 3
    outcome = Outcome("k:1", "postgresql://d", 30.04, {"all started": 2.04}, {"agent": 5}, {"agent": 1}, {"events": 3})
    found = summary(tally, outcome)
    assert found["published"] == {"infrastructor.metric.collected.v1": 3}
    assert found["derived"] == {}
    assert found["stored"] == {"events": 3}
    assert (found["dead_letters"], found["gaps"]) == (0, 0)
    assert found["notifications"] == {"requested": 0, "delivered": 0, "failed": 0, "suppressed": 0}
    assert found["peak_rss_bytes"] == {"agent": 5}
    assert (found["kafka"], found["database_url"]) == ("k:1", "postgresql://d")
    assert (found["seconds"], found["phases_seconds"]) == (30.0, {"all started": 2.0})


def test_the_short_psql_runs_the_line(tmp_path: Path) -> None:
    script = write_psql(tmp_path, "PGPASSFILE='/a b/pgpass' psql -h 127.0.0.1 infrastructor")
    assert script.read_text() == "#!/bin/sh\nexec env PGPASSFILE='/a b/pgpass' psql -h 127.0.0.1 infrastructor \"$@\"\n"
    assert script.stat().st_mode & 0o777 == 0o700


def test_a_worker_that_is_left_out_is_not_started(tmp_path: Path) -> None:
    world = World((("environment", {"INFRASTRUCTOR_DATA_DIR": str(tmp_path)}),))
    assert make_plan(world, without=("streams",)).workers == tuple(
        name for name in make_plan(world).workers if name != "streams"
    )


def test_what_another_run_wrote_is_no_wish_of_the_users(tmp_path: Path) -> None:
    local = {"INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1", "INFRASTRUCTOR_DATABASE__HOST": "127.0.0.1"}
    plan = make_plan(World((("environment", {"INFRASTRUCTOR_DATA_DIR": str(tmp_path)}), ("local.env", local))))
    assert plan.local_kafka
    assert plan.local_database
