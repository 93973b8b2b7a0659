"""`infrastructor topics` and `infrastructor config` as an operator runs them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.local.broker import Broker
from runtime.kafka.catalog import load_catalog
from runtime.settings import KafkaSettings

ROOT = Path(__file__).parents[2]
RUN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from cli.main import main; main()"


def infrastructor(*arguments: str, folder: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    environ = {name: value for name, value in os.environ.items() if not name.startswith("INFRASTRUCTOR_KAFKA")}
    environ |= {f"INFRASTRUCTOR_{name}": value for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-c", RUN, str(ROOT), *arguments],
        capture_output=True,
        text=True,
        env=environ,
        cwd=folder,
        timeout=60,
        check=False,
    )


@pytest.mark.kafka
def test_plan_apply_describe(broker: Broker, tmp_path: Path) -> None:
    def topics(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return infrastructor("topics", *arguments, folder=tmp_path, KAFKA__BOOTSTRAP_SERVERS=broker.bootstrap)

    planned = topics("plan")
    assert planned.returncode == 1
    assert "create infra.metrics: 12 partitions, replication 1" in planned.stdout
    applied = topics("apply", "--json")
    assert applied.returncode == 0
    outcome: dict[str, Any] = json.loads(applied.stdout)
    listed = [topic.name for topic in load_catalog(KafkaSettings()).all()]
    assert sorted(done["topic"] for done in outcome["done"]) == sorted(listed)
    again = topics("apply")
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == f"Kafka at {broker.bootstrap} is as listed, nothing to do: {len(listed)} topics.\n"
    assert topics("plan").returncode == 0
    described = topics("describe")
    assert described.returncode == 0
    assert "infra.dead-letters" in described.stdout
    one = json.loads(topics("describe", "--json", "infra.alerts").stdout)["topics"]
    assert [topic["name"] for topic in one] == ["infra.alerts"]
    assert one[0]["partitions"] == [{"partition": 0, "begin": 0, "end": 0, "bytes": 0}]
    unknown = topics("describe", "nothing")
    assert (unknown.returncode, unknown.stdout) == (65, "")


def test_a_broker_that_is_away_is_one_line_and_a_code(tmp_path: Path, free_port: Callable[[], int]) -> None:
    done = infrastructor(
        "topics",
        "plan",
        folder=tmp_path,
        KAFKA__BOOTSTRAP_SERVERS=f"127.0.0.1:{free_port()}",
        KAFKA__PATIENCE_S="1",
    )
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr.count("\n") == 1
    assert "cannot be reached (connection refused)" in done.stderr


def test_a_wrong_setting_is_one_line_and_a_code(tmp_path: Path) -> None:
    done = infrastructor("topics", "plan", folder=tmp_path, KAFKA__SECURITY_PROTOCOL="tls")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (78, "", 1)
    assert "INFRASTRUCTOR_KAFKA__SECURITY_PROTOCOL" in done.stderr


def test_config_check_tells_everything_at_once(tmp_path: Path) -> None:
    good = infrastructor("config", "check", folder=tmp_path)
    assert good.returncode == 0, good.stdout
    bad = infrastructor(
        "config", "check", "--json", folder=tmp_path, KAFKA__SECURITY_PROTOCOL="tls", LOG__LEVEL="x", LGO__LEVEL="info"
    )
    assert bad.returncode == 78
    assert [problem["variable"] for problem in json.loads(bad.stdout)["problems"]] == [
        "INFRASTRUCTOR_KAFKA__SECURITY_PROTOCOL",
        "INFRASTRUCTOR_LOG__LEVEL",
        "INFRASTRUCTOR_LGO__LEVEL",
    ]


def test_config_show_masks_secrets_and_tells_where_values_come_from(tmp_path: Path) -> None:
    (tmp_path / "runtime.env").write_text("INFRASTRUCTOR_LOG__LEVEL=debug\n")
    done = infrastructor("config", "show", "--json", folder=tmp_path, DATABASE__PASSWORD="hunter22")
    assert "hunter22" not in done.stdout
    shown = json.loads(done.stdout)
    assert shown["INFRASTRUCTOR_DATABASE__PASSWORD"]["value"] == "********"
    assert shown["INFRASTRUCTOR_DATABASE__PASSWORD"]["source"] == "environment"
    assert shown["INFRASTRUCTOR_LOG__LEVEL"] | {"description": ""} == {
        "value": "debug",
        "source": "runtime.env",
        "file": None,
        "description": "",
    }
    assert "INFRASTRUCTOR_LOG__LEVEL=debug  # runtime.env: " in infrastructor("config", "show", folder=tmp_path).stdout
