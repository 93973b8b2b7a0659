"""devices.yaml: what it may say, what is wrong with it and on which line, and changes that leave the rest alone."""

from pathlib import Path

import pytest

from collectors.devices.edit import HEAD, added, as_data, current_text, removed, write_devices
from collectors.devices.load import load_devices, parse_devices
from collectors.devices.model import Entry
from collectors.devices.ssh_config import import_ssh_config
from runtime.errors import InputInvalid

COLLECTORS = ("identity", "system", "zfs", "drives")

FULL = """\
# my machines
defaults:
  user: watcher
  key: ~/.ssh/watch
  jump: gate
devices:
  - id: gate          # the way in
    host: gate.example
    port: 2222
  - id: nas-1
    host: 10.0.0.5
    user: root
    groups: [storage, rack-2]
    parents: [gate, me]
    labels: {room: cellar}
    collectors: {system: 30s, zfs: 600, drives: }

  # the old one
  - id: old
    collectors: [system]
    enabled: false
"""


def test_all_that_it_may_say() -> None:
    found = parse_devices(FULL, "devices.yaml", collectors=COLLECTORS, agent="me")
    gate, nas, old = found.devices
    assert (gate.address, gate.port, gate.user, gate.jump) == ("gate.example", 2222, "watcher", None)
    assert (nas.port, nas.user, nas.key, nas.jump) == (22, "root", "~/.ssh/watch", "gate")
    assert nas.collectors == {"system": 30.0, "zfs": 600.0, "drives": None}
    assert (nas.groups, nas.parents, nas.labels) == (("storage", "rack-2"), ("gate", "me"), {"room": "cellar"})
    assert (old.address, old.enabled, old.collectors) == ("old", False, {"system": None})


@pytest.mark.parametrize("text", ["", "# nothing\n", "devices:\n", "devices: []\n"])
def test_nothing_is_a_list_of_none(text: str) -> None:
    assert parse_devices(text, "devices.yaml", collectors=COLLECTORS).devices == ()


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("devices:\n- id: a\n- id: b\n  prot: 22\n", 4, "there is no 'prot' here: did you mean 'port'?"),
        ("device:\n- id: a\n", 1, "there is no 'device' here: did you mean 'devices'?"),
        ("defaults: {uzer: x}\ndevices: []\n", 1, "did you mean 'user'?"),
        ("devices:\n- host: a\n", 2, "id is missing"),
        ("devices:\n- id: Nas One\n", 2, "'Nas One' is no device id"),
        ("devices:\n- id: a\n\n- id: a\n", 4, "the device 'a' is listed on line 2 already"),
        ("devices:\n- id: a\n  port: 99999\n", 3, "port: Input should be less than or equal to 65535, not '99999'"),
        ("devices:\n- id: a\n  port: '22'\n", 3, "port: Input should be a valid integer"),
        ("devices:\n- id: a\n  host: -oProxyCommand=x\n", 3, "host"),
        ("devices:\n- id: a\n  jump: gate:99999\n", 3, "jump: the port is a number from 1 to 65535, not 'gate:99999'"),
        ("devices:\n- id: a\n  jump: x@gate:0\n", 3, "jump: the port is a number"),
        ("defaults:\n  jump: '[::1]:70000'\n", 2, "jump: the port is a number"),
        ("devices:\n- id: a\n  id: b\n", 3, "id is given twice"),
        ("devices:\n- id: a\n  parents: [b]\n", 3, "the parent 'b' is not listed"),
        ("devices:\n- id: nas\n- id: a\n  parents:\n  - nas\n  - nsa\n", 6, "did you mean 'nas'?"),
        (
            "devices:\n- id: a\n  parents: [b]\n- id: b\n  parents: [a]\n",
            3,
            "parents go round in a circle: a -> b -> a",
        ),
        ("devices:\n- id: a\n  jump: a\n", 3, "jump go round in a circle: a -> a"),
        ("devices:\n- id: a\n  collectors: [system, zsf]\n", 3, "there is no collector 'zsf': did you mean 'zfs'?"),
        ("devices:\n- id: a\n  collectors:\n    sytem: 30\n", 4, "did you mean 'system'?"),
        ("devices:\n- id: a\n  collectors: {system: 3 days}\n", 3, "is not a length of time such as 30s"),
        (
            "devices:\n- id: a\n  compose_files:\n  - /srv/*/compose.yaml\n  - srv/$(id).yaml\n",
            5,
            "'srv/$(id).yaml' is not an absolute path",
        ),
        ("devices:\n- id: a\n  proxy_configs: []\n", 3, "proxy_configs: Tuple should have at least 1 item"),
        ("defaults: {compose_files: /srv/a}\n", 1, "compose_files: Input should be a valid tuple"),
        ("devices:\n- id: a\n  groups: [x, x]\n", 3, "names the same twice"),
        ("devices:\n- id: [a\n", 3, "expected"),
        ("- a\n", 1, "a file of devices is a mapping"),
        ("devices: &a\n- *a\n", 1, "nested too deeply"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        parse_devices(text, "devices.yaml", collectors=COLLECTORS)
    assert caught.value.message.startswith(f"devices.yaml, line {line}: ")
    assert what in caught.value.message


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="cannot be read"):
        load_devices(tmp_path / "none", collectors=COLLECTORS)


def test_adding_leaves_the_rest_alone() -> None:
    text = added(FULL, [Entry(id="new", host="10.0.0.9", groups=("a",), labels={"x": "yes"})], "devices.yaml")
    assert text.startswith(FULL)
    assert text[len(FULL) :] == '  - id: new\n    host: 10.0.0.9\n    groups: ["a"]\n    labels: {"x": "yes"}\n'
    found = parse_devices(text, "devices.yaml", collectors=COLLECTORS, agent="me")
    assert found.get("new") is not None


@pytest.mark.parametrize(
    "text",
    [
        HEAD,
        "",
        "devices:\n",
        "devices: []  # none yet\n",
        "devices:  # mine\ndefaults: {user: x}\n",
        "defaults:\n  port: 1\n",
    ],
)
def test_adding_the_first(text: str) -> None:
    after = added(text, [Entry(id="a"), Entry(id="b", user="123", key="x: y # z")], "devices.yaml")
    found = parse_devices(after, "devices.yaml", collectors=COLLECTORS)
    assert [entry.id for entry in found.devices] == ["a", "b"]
    assert (found.devices[1].user, found.devices[1].key) == ("123", "x: y # z")
    assert all(line in after.splitlines() or line.startswith("devices") for line in text.splitlines())


def test_removing_leaves_the_rest_alone() -> None:
    text = removed(FULL, "nas-1", "devices.yaml")
    assert text == FULL[: FULL.index("  - id: nas-1")] + FULL[FULL.index("\n  # the old one") :]
    text = removed(text, "old", "devices.yaml")
    assert "# the old one" in text
    text = removed(text, "gate", "devices.yaml")
    assert parse_devices(text, "devices.yaml", collectors=COLLECTORS).devices == ()
    assert text.startswith("# my machines\ndefaults:\n")
    with pytest.raises(InputInvalid, match="there is no device 'gate'"):
        removed(text, "gate", "devices.yaml")


def test_the_file_is_replaced_at_once_and_never_by_a_wrong_one(tmp_path: Path) -> None:
    path = tmp_path / "devices.yaml"
    write_devices(path, added(current_text(path), [Entry(id="a")], str(path)), collectors=COLLECTORS, agent=None)
    path.chmod(0o640)
    with pytest.raises(InputInvalid, match="listed on line"):
        write_devices(path, added(current_text(path), [Entry(id="a")], str(path)), collectors=COLLECTORS, agent=None)
    write_devices(path, added(current_text(path), [Entry(id="b")], str(path)), collectors=COLLECTORS, agent=None)
    assert path.stat().st_mode & 0o777 == 0o640
    assert [entry.id for entry in load_devices(path, collectors=COLLECTORS).devices] == ["a", "b"]
    assert [one.name for one in tmp_path.iterdir()] == ["devices.yaml"]


SSH_CONFIG = """\
User everywhere
Include more/*
Host nas nas2
    HostName=10.0.0.%h
    IdentityFile "~/.ssh/my key"
Host web !x *.example
    Port 2200
    User me
Host Big_Box
    ProxyJump admin@gate:22
Host *
    Port 2201
Match host foo exec "rm -rf /"
    User never
"""


def test_hosts_of_ssh_become_devices(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a").write_text("Host included\n  HostName 10.9.9.9\nInclude " + str(tmp_path / "config"))
    (tmp_path / "config").write_text(SSH_CONFIG)
    found = import_ssh_config(tmp_path / "config")
    by_id = {entry.id: as_data(entry) for entry in found.entries}
    assert by_id == {
        "included": {"id": "included", "host": "10.9.9.9", "user": "everywhere", "port": 2201},
        "nas": {"id": "nas", "host": "10.0.0.nas", "user": "everywhere", "port": 2201, "key": "~/.ssh/my key"},
        "nas2": {"id": "nas2", "host": "10.0.0.nas2", "user": "everywhere", "port": 2201, "key": "~/.ssh/my key"},
        "web": {"id": "web", "user": "everywhere", "port": 2200},
        "big_box": {"id": "big_box", "host": "Big_Box", "user": "everywhere", "port": 2201, "jump": "admin@gate:22"},
    }
    assert any("Match" in one for one in found.left_out)
    assert any("too deeply" in one for one in found.left_out)


JUMPS = """\
Host Bastion
    HostName 10.1.1.1
    User root
    Port 2200
Host behind
    ProxyJump Bastion
Host same
    ProxyJump root@Bastion:2200
Host other
    ProxyJump ada@Bastion
Host port
    ProxyJump Bastion:22
Host six
    HostName ::1
Host over_six
    ProxyJump x@six:2222
Host elsewhere
    ProxyJump gate
Host first
    ProxyCommand none
    ProxyJump Bastion
Host gate
    HostName gate.example
"""


def test_a_jump_host_of_ssh_is_the_same_host_as_a_device(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(JUMPS)
    found = import_ssh_config(tmp_path / "config")
    assert found.left_out == ()
    assert {entry.id: entry.jump for entry in found.entries if entry.jump is not None} == {
        "behind": "bastion",
        "same": "bastion",
        "other": "ada@10.1.1.1:2200",
        "port": "root@10.1.1.1:22",
        "over_six": "x@[::1]:2222",
        "elsewhere": "gate",
    }
    text = added("", found.entries, "devices.yaml")
    assert parse_devices(text, "devices.yaml", collectors=COLLECTORS).devices[0].id == "bastion"


LEFT_OUT = """\
Host by-command
    ProxyCommand nc %h %p
Host over-it
    ProxyJump by-command
Host round
    ProxyJump about
Host about
    ProxyJump round
Host gate
    HostName 10.1.1.1
Host key
    HostName 10.2.2.2
    User ada
    IdentityFile %d/.ssh/%r@%h-%n%%
Host odd
    IdentityFile ~/.ssh/%C
Host variable
    IdentityFile ${KEYS}/id
Host Twin twin
    HostName 10.3.3.3
Host over-twin
    ProxyJump twin
Host *
    ProxyJump gate
"""


def test_what_ssh_would_reach_in_another_way_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    (tmp_path / "config").write_text(LEFT_OUT)
    found = import_ssh_config(tmp_path / "config")
    by_id = {entry.id: entry for entry in found.entries}
    assert set(by_id) == {"gate", "key", "twin", "over-twin"}
    assert (by_id["gate"].jump, by_id["key"].jump, by_id["over-twin"].jump) == (None, "gate", "twin")
    assert by_id["key"].key == "/home/me/.ssh/ada@10.2.2.2-key%"
    reasons = dict(one.split(": ", 1) for one in found.left_out)
    assert set(reasons) == {"by-command", "over-it", "round", "about", "odd", "variable", "twin"}
    assert "ProxyCommand is not taken over" in reasons["by-command"]
    assert "leads over by-command, which is left out" in reasons["over-it"]
    assert "in a circle" in reasons["about"]
    assert "token %C" in reasons["odd"]
    assert "variable of the environment" in reasons["variable"]


@pytest.mark.parametrize("dash", ["  -\n    id: b\n", "  - # the second\n\n    # of two\n    id: b\n"])
def test_a_dash_on_a_line_of_its_own_goes_with_its_device(dash: str) -> None:
    text = removed(f"devices:\n  - id: a\n{dash}    port: 1\n  - id: c\n", "b", "devices.yaml")
    assert text == "devices:\n  - id: a\n  - id: c\n"
    assert removed(f"devices:\n{dash}", "b", "devices.yaml") == "devices: []\n"


def test_an_address_may_begin_with_colons() -> None:
    text = added("", [Entry(id="a", host="::1", jump="::2")], "devices.yaml")
    (entry,) = parse_devices(text, "devices.yaml", collectors=COLLECTORS).devices
    assert (entry.address, entry.jump) == ("::1", "::2")
