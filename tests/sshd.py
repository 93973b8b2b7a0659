"""A real sshd on a free port of the loopback, with keys and configuration of its own in a folder of the test's."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SSHD = shutil.which("sshd", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin")
HOST = "127.0.0.1"

needs_sshd = pytest.mark.skipif(SSHD is None, reason="there is no sshd (Debian: apt-get install openssh-server)")

CONFIGURATION = """
ListenAddress {host}
Port {port}
HostKey {folder}/host_key
{certificate}
AuthorizedKeysFile {folder}/authorized_keys
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxStartups 1000
MaxSessions 10
LogLevel VERBOSE
# The shell reads no ~/.bashrc of whoever runs the tests.
SetEnv HOME={folder}
{more}
"""


@dataclass
class Sshd:
    """A running sshd: its port, the key that may log in, what known_hosts must say of it."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    key: Path
    known_hosts: Path = field(init=False)

    def __post_init__(self) -> None:
        self.known_hosts = self.folder / "known_hosts"
        self.known_hosts.write_text(f"[{HOST}]:{self.port} {self.host_key}\n")

    @property
    def host_key(self) -> str:
        """Kind and key, as known_hosts has them."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    @property
    def public_key(self) -> str:
        return self.key.with_suffix(".pub").read_text().strip()

    @property
    def authorized_keys(self) -> Path:
        return self.folder / "authorized_keys"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def stop(self) -> None:
        """End the server and its sessions."""
        self.process.terminate()
        self.process.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def make_key(path: Path, kind: str = "ed25519", comment: str = "test") -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", comment, "-f", str(path)], check=True, stdin=subprocess.DEVNULL
    )
    return path


@contextmanager
def running_sshd(
    folder: Path, *, options: str = "", more: str = "", host_key: str = "ed25519", certificate: bool = False
) -> Iterator[Sshd]:
    """Start sshd; `options` stand before the key in authorized_keys, `more` in the configuration."""
    assert SSHD is not None
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        # Where sshd goes to before the login, when it is started by root.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    make_key(folder / "host_key", host_key)
    key = make_key(folder / "id")
    line = key.with_suffix(".pub").read_text()
    (folder / "authorized_keys").write_text(f"{options} {line}".lstrip())
    certificate_line = ""
    if certificate:
        authority = make_key(folder / "authority")
        signing = [
            "ssh-keygen",
            "-q",
            "-s",
            str(authority),
            "-I",
            "test",
            "-h",
            "-n",
            HOST,
            str(folder / "host_key.pub"),
        ]
        subprocess.run(signing, check=True, stdin=subprocess.DEVNULL)
        certificate_line = f"HostCertificate {folder}/host_key-cert.pub"
    port = free_port()
    text = CONFIGURATION.format(host=HOST, port=port, folder=folder, certificate=certificate_line, more=more)
    (folder / "config").write_text(text)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(folder / "config")], stderr=log, stdin=subprocess.DEVNULL
        )
    server = Sshd(folder, port, process, key)
    try:
        _wait(server)
        yield server
    finally:
        server.stop()


def _wait(server: Sshd) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            with socket.create_connection((HOST, server.port), timeout=1) as probe:
                if probe.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"sshd did not start: {server.log}")
        time.sleep(0.02)
