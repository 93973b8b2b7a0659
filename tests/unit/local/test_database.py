"""What the database is told, and how a server that offers timescaledb is recognised."""

from pathlib import Path

import pytest

from deploy.local.database import DatabaseOptions, LocalPostgres, embedded_binaries
from deploy.local.errors import LocalStackFailed


@pytest.fixture
def offering(tmp_path: Path) -> Path:
    """Programs of a server whose share folder has the extension's control file."""
    share = tmp_path / "share"
    (share / "extension").mkdir(parents=True)
    (share / "extension" / "timescaledb.control").touch()
    binaries = tmp_path / "bin"
    binaries.mkdir()
    program = binaries / "pg_config"
    program.write_text(f"#!/bin/sh\necho {share}\n")
    program.chmod(0o755)
    return binaries


def _told(server: LocalPostgres) -> dict[str, str]:
    return dict(setting.split("=", 1) for setting in server.prepare().argv if "=" in setting and setting[0] != "-")


def test_the_extension_is_found_where_pg_config_says(tmp_path: Path, offering: Path) -> None:
    assert LocalPostgres(tmp_path / "data", options=DatabaseOptions(binaries=offering)).offers_timescaledb


def test_the_embedded_server_is_told_of_no_library_it_does_not_have(tmp_path: Path) -> None:
    told = _told(LocalPostgres(tmp_path / "data", port=4321))
    assert "shared_preload_libraries" not in told
    assert (told["listen_addresses"], told["port"]) == ("127.0.0.1", "4321")


def test_settings_of_a_test_win(tmp_path: Path) -> None:
    server = LocalPostgres(tmp_path / "data", options=DatabaseOptions(settings={"max_connections": "7"}))
    assert _told(server)["max_connections"] == "7"


def test_programs_that_are_not_there_are_named(tmp_path: Path) -> None:
    server = LocalPostgres(tmp_path / "data", options=DatabaseOptions(binaries=tmp_path / "nowhere"))
    with pytest.raises(LocalStackFailed, match="nowhere"):
        server.prepare()


def test_the_wheel_brings_the_server() -> None:
    assert {"initdb", "postgres", "pg_config", "psql"} <= {program.name for program in embedded_binaries().iterdir()}
