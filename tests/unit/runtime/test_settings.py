"""Settings: which source wins, what an error says, what is shown and what never is."""

import fcntl
from pathlib import Path

import pytest
from pydantic import SecretStr

from runtime.errors import SettingsInvalid
from runtime.settings import (
    DataSettings,
    KafkaSettings,
    LogSettings,
    PostgresSettings,
    World,
    check,
    load,
    provenance,
    secret_values,
    unknown_variables,
)


def world(folder: Path, **environ: str) -> World:
    return World.here({f"INFRASTRUCTOR_{name}": value for name, value in environ.items()}, folder)


def test_what_runs_locally_is_found_while_it_runs_and_below_all_else(tmp_path: Path) -> None:
    data = tmp_path / ".infrastructor"
    data.mkdir()
    (data / "local.env").write_text("INFRASTRUCTOR_LOG__LEVEL=debug\nINFRASTRUCTOR_LOG__FORMAT=console\n")
    assert load(LogSettings, World.here({}, tmp_path)).level == "info"
    with (data / "lock").open("a") as lock:
        assert load(LogSettings, World.here({}, tmp_path)).level == "info"
        fcntl.flock(lock, fcntl.LOCK_EX)
        world = World.here({"INFRASTRUCTOR_LOG__FORMAT": "json"}, tmp_path)
        assert (load(LogSettings, world).level, load(LogSettings, world).format) == ("debug", "json")
        assert load(LogSettings, world.given).level == "info"
        (tmp_path / ".env").write_text("INFRASTRUCTOR_LOG__LEVEL=error\n")
        assert load(LogSettings, World.here({}, tmp_path)).level == "error"
        elsewhere = World.here({"INFRASTRUCTOR_DATA_DIR": str(tmp_path / "other")}, tmp_path)
        assert load(LogSettings, elsewhere).format == load(LogSettings, World(())).format
    (tmp_path / ".env").unlink()
    assert load(LogSettings, World.here({}, tmp_path)).level == "info"


def test_the_environment_wins_over_runtime_env_and_that_over_env(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "INFRASTRUCTOR_LOG__LEVEL=error\nINFRASTRUCTOR_LOG__FORMAT=json\nINFRASTRUCTOR_LOG__FILE_KEEP=9\n"
    )
    (tmp_path / "runtime.env").write_text("INFRASTRUCTOR_LOG__LEVEL=debug\nINFRASTRUCTOR_LOG__FORMAT=console\n")
    here = world(tmp_path, LOG__LEVEL="warning")

    settings = load(LogSettings, here)
    assert (settings.level, settings.format, settings.file_keep) == ("warning", "console", 9)

    origins = {value.field: str(value.origin) for value in provenance(LogSettings, here)}
    assert origins == {
        "level": "environment",
        "format": "runtime.env",
        "file_keep": ".env",
        "file": "default",
        "file_bytes": "default",
    }


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("INFRASTRUCTOR_LOG__LEVEL=error\n")
    assert load(LogSettings, world(tmp_path, LOG__LEVEL="")).level == "error"


def test_built_directly_they_do_not_look_at_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFRASTRUCTOR_LOG__LEVEL", "error")
    assert LogSettings().level == "info"
    assert load(LogSettings).level == "error"


def test_the_data_folder_has_a_plain_name(tmp_path: Path) -> None:
    assert load(DataSettings, world(tmp_path, DATA_DIR="/srv/data")).data_dir == Path("/srv/data")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"KAFKA__SECURITY_PROTOCOL": "tls"},
            r"INFRASTRUCTOR_KAFKA__SECURITY_PROTOCOL: 'tls' from environment is refused: should be 'PLAINTEXT', .*"
            r"\(for example INFRASTRUCTOR_KAFKA__SECURITY_PROTOCOL=SASL_SSL\)",
        ),
        ({"KAFKA__BOOTSTRAP_SERVERS": "kafka"}, r"BOOTSTRAP_SERVERS: .*'kafka' is not host:port"),
        ({"KAFKA__BOOTSTRAP_SERVERS": "kafka:99999"}, "is not host:port"),
        ({"KAFKA__SECURITY_PROTOCOL": "SASL_SSL"}, r"KAFKA__USERNAME: is required with SASL_SSL"),
        (
            {"KAFKA__SECURITY_PROTOCOL": "SASL_SSL", "KAFKA__USERNAME": "me"},
            r"KAFKA__PASSWORD: is required .*\(or let INFRASTRUCTOR_KAFKA__PASSWORD_FILE name a file that holds it\)$",
        ),
        ({"KAFKA__CA_FILE": "/no/such/ca"}, "KAFKA__CA_FILE: .*no such file"),
        ({"KAFKA__MIN_INSYNC_REPLICAS": "2"}, "KAFKA__MIN_INSYNC_REPLICAS: .*above the replication factor"),
        ({"KAFKA__HEARTBEAT_S": "9"}, "KAFKA__HEARTBEAT_S: .*a third of the session timeout"),
        ({"KAFKA__REQUEST_TIMEOUT_S": "soon"}, "KAFKA__REQUEST_TIMEOUT_S: 'soon' .*valid number"),
        ({"KAFKA__RETENTION": "infra.metrics=weeks"}, "KAFKA__RETENTION: .*not a length of time"),
    ],
)
def test_an_error_names_the_variable_what_was_wrong_and_an_example(
    tmp_path: Path, variables: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsInvalid, match=said) as failed:
        load(KafkaSettings, world(tmp_path, **variables))
    assert failed.value.exit_code == 78


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    here = world(tmp_path, KAFKA__SECURITY_PROTOCOL="tls", KAFKA__BOOTSTRAP_SERVERS="kafka", KAFKA__LINGER_MS="-1")
    assert len(check(KafkaSettings, here)) == 3


def test_secrets_come_from_files_and_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter22\n")
    here = world(
        tmp_path,
        KAFKA__SECURITY_PROTOCOL="SASL_SSL",
        KAFKA__USERNAME="infra",
        KAFKA__PASSWORD_FILE=str(tmp_path / "password"),
    )
    settings = load(KafkaSettings, here)
    assert settings.password == SecretStr("hunter22")
    shown = {value.field: value for value in provenance(KafkaSettings, here)}
    assert shown["password"].shown == "********"
    assert str(shown["password"].origin) == f"environment ({tmp_path / 'password'})"
    assert "hunter22" not in repr(settings)
    assert secret_values(settings) == ["hunter22"]


def test_a_secret_given_twice_or_in_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    twice = world(tmp_path, DATABASE__PASSWORD="a", DATABASE__PASSWORD_FILE="b")
    assert [problem.variable for problem in check(PostgresSettings, twice)] == ["INFRASTRUCTOR_DATABASE__PASSWORD_FILE"]
    absent = world(tmp_path, DATABASE__PASSWORD_FILE="/no/such/file")
    assert "cannot read /no/such/file: No such file" in str(check(PostgresSettings, absent)[0])


def test_a_wrong_secret_is_not_quoted(tmp_path: Path) -> None:
    here = world(tmp_path, DATABASE__URL="mysql://root:hunter22@db/x")
    with pytest.raises(SettingsInvalid, match="must begin with postgresql://") as failed:
        load(PostgresSettings, here)
    assert "hunter22" not in str(failed.value)
    assert all("hunter22" not in value.shown for value in provenance(PostgresSettings, here))


def test_the_password_inside_a_url_is_a_secret_too() -> None:
    settings = PostgresSettings(url=SecretStr("postgresql://me:p%40ss@db/x"))
    assert secret_values(settings)[1:] == ["p%40ss", "p@ss"]


def test_variables_that_set_nothing_are_told_with_the_nearest_name(tmp_path: Path) -> None:
    here = world(
        tmp_path, KAFKA__BOOTSTRAP_SERVER="a:1", LGO__LEVEL="info", DATADIR="x", SOMETHING_ELSE="1", LOG__LEVEL_FILE="y"
    )
    told = {p.variable: p.what for p in unknown_variables([KafkaSettings, LogSettings, DataSettings], here)}
    assert told.keys() == {
        f"INFRASTRUCTOR_{name}" for name in ("KAFKA__BOOTSTRAP_SERVER", "LGO__LEVEL", "DATADIR", "LOG__LEVEL_FILE")
    }
    assert told["INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVER"].endswith(
        "did you mean INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS?"
    )
    assert told["INFRASTRUCTOR_LGO__LEVEL"].endswith("did you mean INFRASTRUCTOR_LOG__LEVEL?")
    assert told["INFRASTRUCTOR_DATADIR"].endswith("did you mean INFRASTRUCTOR_DATA_DIR?")


def test_values_are_shown_as_they_are_written(tmp_path: Path) -> None:
    here = world(tmp_path, KAFKA__BOOTSTRAP_SERVERS="a:1, b:2", KAFKA__RETENTION="infra.metrics=3d,infra.status=12h")
    shown = {value.field: value.shown for value in provenance(KafkaSettings, here)}
    assert shown["bootstrap_servers"] == "a:1,b:2"
    assert shown["retention"] == "infra.metrics=3d,infra.status=12h"
