"""`infrastructor devices` as people run it: the list edited, a host key accepted, a device tried on a real sshd."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import build_cli
from runtime.errors import InfrastructorError
from tests.sshd import HOST, Sshd, free_port, make_key, needs_sshd, running_sshd

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("INFRASTRUCTOR_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("INFRASTRUCTOR_AGENT__DEVICE_ID", "me")
    monkeypatch.setenv("INFRASTRUCTOR_SSH__CONNECT_S", "2")
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str, answer: str = "") -> Result:
        return CliRunner().invoke(build_cli(), ["devices", *arguments], input=answer)

    return invoke


def test_devices_are_added_listed_and_removed(run: Run, tmp_path: Path) -> None:
    assert "lists no devices" in run("list").output
    assert run("add", "nas", "--host", "10.0.0.5", "--user", "root", "--group", "storage").exit_code == 0
    assert run("add", "web", "--jump", "nas", "--parent", "nas", "--port", "2222").exit_code == 0
    assert json.loads(run("list", "--json").output)["devices"] == [
        {"id": "nas", "host": "10.0.0.5", "user": "root", "port": 22, "groups": ["storage"]},
        {"id": "web", "port": 2222, "jump": "nas", "parents": ["nas"]},
    ]
    assert "web     web:2222" in run("list").output
    for arguments in (("add", "nas"), ("add", "No Name"), ("add", "x", "--parent", "y"), ("remove", "nas")):
        failed = run(*arguments)
        assert isinstance(failed.exception, InfrastructorError), arguments
    assert run("remove", "web").exit_code == 0
    assert [one["id"] for one in json.loads(run("list", "--json").output)["devices"]] == ["nas"]
    assert "docs/devices.md" in (tmp_path / "data" / "devices.yaml").read_text()


def test_hosts_of_ssh_are_imported_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host a b\n  User me\nHost *\n  Port 2200\n")
    assert "would add a" in run("import", "--dry-run").output
    assert not (tmp_path / "data" / "devices.yaml").exists()
    assert json.loads(run("import", "--json").output)["added"] == [
        {"id": "a", "user": "me", "port": 2200},
        {"id": "b", "user": "me", "port": 2200},
    ]
    assert "listed already: a" in run("import").output


def test_candidates_are_only_proposed(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text(
        "nas,10.0.0.5 ssh-ed25519 AAAA\n[gate.example]:2222 ssh-ed25519 AAAA\n|1|abc=|def= ssh-ed25519 AAAA\n* x y\n"
    )
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "compose.yaml").write_text(
        "services:\n  a:\n    image: x\n    extra_hosts: ['db:10.1.1.1', 'h=host-gateway']\n"
        "    environment: {DOCKER_HOST: 'ssh://root@far.example:2200'}\n"
    )
    assert run("add", "nas").exit_code == 0
    found = json.loads(run("discover", "--compose", str(tmp_path), "--json").output)
    assert [(one["id"], one.get("port"), one.get("user")) for one in found["candidates"]] == [
        ("gate.example", 2222, None),
        ("far.example", 2200, "root"),
        ("db", None, None),
    ]
    assert found["candidates"][2]["host"] == "10.1.1.1"
    assert found["hashed"] == 1
    assert "infrastructor devices add far.example --user root --port 2200" in run("discover", "--compose", ".").output
    assert len(json.loads(run("list", "--json").output)["devices"]) == 1


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    with running_sshd(tmp_path / "sshd") as server:
        yield server


def checks(result: Result) -> dict[str, str]:
    return {one["what"]: one["outcome"] for one in json.loads(result.output)["checks"]}


@needs_sshd
def test_a_host_key_is_shown_asked_for_and_accepted(run: Run, tmp_path: Path, sshd: Sshd) -> None:
    assert run("add", "nas", "--host", HOST, "--port", str(sshd.port), "--key", str(sshd.key)).exit_code == 0
    assert checks(run("test", "nas", "--json"))["host key"] == "failed"
    listing = ["ssh-keygen", "-lf", str(sshd.folder / "host_key.pub")]
    print_of_key = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()[1]
    asked = run("trust", "nas", answer="n\n")
    assert print_of_key in asked.output
    assert asked.exit_code != 0
    accepted = tmp_path / "data" / "known_hosts"
    assert not accepted.exists()
    assert run("trust", "nas", answer="y\n").exit_code == 0
    assert accepted.read_text() == f"[{HOST}]:{sshd.port} {sshd.host_key}\n"
    assert "accepted already" in run("trust", f"{HOST}:{sshd.port}").output
    tried = run("test", "nas", "--json")
    assert tried.exit_code == 0
    assert [checks(tried)[step] for step in ("name", "port", "host key", "login", "collector system")] == ["ok"] * 5

    other = make_key(tmp_path / "other").with_suffix(".pub").read_text()
    accepted.write_text(f"# mine\n[{HOST}]:{sshd.port} {other}other {other}")
    refused = run("trust", "nas", "--yes")
    assert isinstance(refused.exception, InfrastructorError)
    assert "--replace" in refused.exception.message
    assert run("trust", "nas", "--yes", "--replace").exit_code == 0
    assert accepted.read_text() == f"# mine\nother {other}[{HOST}]:{sshd.port} {sshd.host_key}\n"


@needs_sshd
def test_a_trial_says_at_which_step_it_ends(run: Run, sshd: Sshd, tmp_path: Path) -> None:
    assert run("trust", f"{HOST}:{sshd.port}", "--yes").exit_code == 0
    refused = run("test", f"{HOST}:{free_port()}", "--json")
    assert refused.exit_code == 69
    assert list(checks(refused).values())[:4] == ["ok", "failed", "not tried", "not tried"]
    unknown = checks(run("test", "no-such-host.invalid", "--json"))
    assert list(unknown.values())[:4] == ["failed", "not tried", "not tried", "not tried"]
    # Without a key of our own the login fails, and the text says so.
    login = run("test", f"{HOST}:{sshd.port}")
    assert login.exit_code == 69
    assert "failed     login" in login.output
    assert "not tried  collector system" in login.output
    assert checks(run("test", "me", "--json"))["collector system"] in {"ok", "not tried"}
