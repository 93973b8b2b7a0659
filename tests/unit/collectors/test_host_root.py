"""An agent in a container reads the machine's files where its root is mounted, by the machine's own names."""

import os
import socket
from pathlib import Path

import pytest

from collectors import local, sections
from collectors.local import LocalTransport
from collectors.request import STATVFS, FileSet
from collectors.settings import AgentSettings
from collectors.transport import Limits

ASKED = FileSet(("/etc/machine-id", "/proc/net/dev", "/proc/self/mounts", "/sys/class/x*"), filesystems=("ext4",))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "etc/machine-id": "abc\n",
        "proc/net/dev": "the container's\n",
        "proc/1/net/dev": "the machine's\n",
        "proc/self/mounts": "/dev/x /container ext4 rw 0 0\n",
        "proc/1/mounts": "/dev/sda / ext4 rw 0 0\n/dev/sdb /srv/my\\040data ext4 rw 0 0\n/dev/sdc /gone ext4 rw 0 0\n",
        "sys/class/x1": "one\n",
        "srv/my data/file": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


async def read(root: Path) -> dict[str, str]:
    return sections.split((await LocalTransport(root=f"{root}/").fetch(ASKED, Limits())).text)


async def test_files_go_by_the_names_of_the_machine(root: Path) -> None:
    found = await read(root)
    assert set(found) == {"/etc/machine-id", "/proc/net/dev", "/proc/self/mounts", "/sys/class/x1", STATVFS}
    assert found["/etc/machine-id"] == "abc"
    assert found["/proc/net/dev"] == "the machine's"
    assert "/container" not in found["/proc/self/mounts"]
    blocks = os.statvfs(root).f_blocks
    assert [line.split(" ", 6)[::6] for line in found[STATVFS].splitlines()] == [
        [str(blocks), "/"],
        [str(blocks), "/srv/my\\040data"],
    ]


async def test_without_the_first_process_the_mounts_below_the_root_are_told(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "proc" / "1" / "mounts").unlink()
    own = root / "own"
    own.write_text(
        f"overlay / overlay rw 0 0\n/dev/sda {root} ext4 rw 0 0\n/dev/sdb {root}/srv ext4 rw 0 0\nx {root}2 ext4 - -\n"
    )
    read_file = local._read_file

    def read_own(path: str, most: int) -> str | None:
        return read_file(str(own) if path == local.MOUNTS else path, most)

    monkeypatch.setattr(local, "_read_file", read_own)
    found = await read(root)
    assert found["/proc/self/mounts"] == "/dev/sda / ext4 rw 0 0\n/dev/sdb /srv ext4 rw 0 0"


def test_the_root_is_a_path() -> None:
    assert AgentSettings(host_root="/host").host_root == "/host"
    with pytest.raises(ValueError, match="host_root"):
        AgentSettings(host_root="host")


async def test_what_is_no_file_is_passed_over_and_blinds_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.conf")
    (tmp_path / "b.conf").write_text("b")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "c.conf"))
    (tmp_path / "d.conf").mkdir()
    (tmp_path / "e.conf").symlink_to("/dev/zero")
    transport = LocalTransport()
    for _ in range(2):
        output = await transport.fetch(FileSet((f"{tmp_path}/*.conf", f"{tmp_path}/a.conf")), Limits(timeout_s=5))
        assert sections.split(output.text) == {f"{tmp_path}/b.conf": "b"}
