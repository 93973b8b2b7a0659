"""SSH beyond the contract of transports, against a real sshd: keys, jump hosts, refusals, what is dead or floods."""

import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from collectors.errors import (
    ConnectionLost,
    ConnectionRefused,
    ConnectTimedOut,
    HandshakeFailed,
    HostKeyChanged,
    HostKeyRefused,
    HostKeyUnknown,
    KeyUnusable,
    LoginRefused,
    LookFailed,
    LookTimedOut,
    NameUnknown,
    NoTurn,
    OutputTooLarge,
)
from collectors.request import Command
from collectors.ssh.known_hosts import KnownHosts
from collectors.ssh.target import Target
from collectors.ssh.transport import SshTransport
from collectors.system.look import FILES, parse
from collectors.transport import Limits
from tests.ssh_devices import pool_for, ssh_transport, target_of
from tests.sshd import HOST, Sshd, free_port, make_key, needs_sshd, running_sshd

pytestmark = needs_sshd
ECHO = Command(("echo", "here"))


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd"), options="restrict,port-forwarding") as server:
        yield server


async def failure(transport: SshTransport, limits: Limits | None = None) -> LookFailed:
    with pytest.raises(LookFailed) as caught:
        await transport.fetch(ECHO, limits or Limits())
    await transport.close()
    return caught.value


@contextmanager
def listener(answer: bytes | None) -> Iterator[int]:
    """A port that takes connections, says `answer`, and then keeps silent."""
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen(50)
        server.setblocking(False)

        async def serve() -> None:
            loop = asyncio.get_running_loop()
            held = []
            while True:
                taken, _ = await loop.sock_accept(server)
                held.append(taken)
                if answer:
                    await loop.sock_sendall(taken, answer)

        task = asyncio.get_event_loop().create_task(serve())
        yield server.getsockname()[1]
        task.cancel()


async def test_one_connection_serves_many_looks(sshd: Sshd) -> None:
    pool = pool_for(sshd)
    transport = ssh_transport(sshd, pool)
    outputs = await asyncio.gather(*(transport.fetch(Command(("echo", str(n))), Limits()) for n in range(40)))
    assert [output.text for output in outputs] == [f"{n}\n" for n in range(40)]
    assert pool.metrics.handshakes.labels("ok")._value.get() == 1
    assert parse((await transport.fetch(FILES, Limits())).text).uptime_s
    await pool.close()
    await asyncio.sleep(0)
    assert pool.metrics.connections._value.get() == 0


async def test_an_unknown_host_key_is_named_with_the_command_to_accept_it(sshd: Sshd) -> None:
    pool = pool_for(sshd)
    pool.known_hosts = KnownHosts([])
    error = await failure(ssh_transport(sshd, pool, name="nas"))
    assert isinstance(error, HostKeyUnknown)
    assert error.status == "unreachable"
    shown = subprocess.run(
        ["ssh-keygen", "-lf", str(sshd.folder / "host_key.pub")], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    assert f"ssh-ed25519 {shown}" in error.message
    assert "infrastructor devices trust nas" in error.message


async def test_a_changed_host_key_is_told_apart(sshd: Sshd, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other").with_suffix(".pub").read_text()
    (tmp_path / "known_hosts").write_text(f"[{HOST}]:{sshd.port} {other}")
    pool = pool_for(sshd)
    pool.known_hosts = KnownHosts([tmp_path / "known_hosts"])
    error = await failure(ssh_transport(sshd, pool))
    assert isinstance(error, HostKeyChanged)
    assert "devices trust 127.0.0.1 --replace" in error.message


async def test_a_changed_kind_of_host_key_is_a_change(sshd: Sshd, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other", "ecdsa").with_suffix(".pub").read_text()
    (tmp_path / "known_hosts").write_text(f"[{HOST}]:{sshd.port} {other}")
    pool = pool_for(sshd)
    pool.known_hosts = KnownHosts([tmp_path / "known_hosts"])
    assert isinstance(await failure(ssh_transport(sshd, pool)), HostKeyChanged)


async def test_a_revoked_key_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text(f"@revoked * {sshd.host_key}\n[{HOST}]:{sshd.port} {sshd.host_key}\n")
    pool = pool_for(sshd)
    pool.known_hosts = KnownHosts([tmp_path / "known_hosts"])
    assert isinstance(await failure(ssh_transport(sshd, pool)), HostKeyRefused)


async def test_an_accepted_key_counts_without_a_restart(sshd: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    pool = pool_for(sshd)
    pool.known_hosts = KnownHosts([known])
    transport = ssh_transport(sshd, pool)
    with pytest.raises(HostKeyUnknown):
        await transport.fetch(ECHO, Limits())
    known.write_text(f"broken line\n[{HOST}]:{sshd.port} {sshd.host_key}\n")
    assert (await transport.fetch(ECHO, Limits())).text == "here\n"
    await transport.close()


async def test_a_host_certificate_is_accepted_by_its_authority(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "sshd", certificate=True) as server:
        authority = (server.folder / "authority.pub").read_text()
        server.known_hosts.write_text(f"@cert-authority * {authority}")
        transport = ssh_transport(server)
        assert (await transport.fetch(ECHO, Limits())).text == "here\n"
        await transport.close()
        # A certificate for one name does not vouch for another.
        error = await failure(ssh_transport(server, host="localhost"))
        assert isinstance(error, HostKeyRefused), error


async def test_login_refused(sshd: Sshd, tmp_path: Path) -> None:
    error = await failure(ssh_transport(sshd, key=str(make_key(tmp_path / "stranger"))))
    assert isinstance(error, LoginRefused)
    assert "authorized_keys" in error.message
    assert not error.retryable


async def test_a_key_that_is_missing_or_has_a_passphrase(sshd: Sshd, tmp_path: Path) -> None:
    assert isinstance(await failure(ssh_transport(sshd, key=str(tmp_path / "none"))), KeyUnusable)
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(locked)], check=True)
    error = await failure(ssh_transport(sshd, key=str(locked)))
    assert isinstance(error, KeyUnusable)
    assert "ssh-agent" in error.message


async def test_a_key_of_ssh_agent(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = shutil.which("ssh-agent")
    assert agent
    at = tmp_path / "agent"
    process = subprocess.Popen([agent, "-D", "-a", str(at)], stdout=subprocess.DEVNULL)
    try:
        while not at.exists():
            await asyncio.sleep(0.02)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(at))
        subprocess.run(["ssh-add", "-q", str(make_key(tmp_path / "another"))], check=True)
        subprocess.run(["ssh-add", "-q", str(sshd.key)], check=True)
        for key in (None, str(sshd.key.with_suffix(".pub"))):
            transport = ssh_transport(sshd, key=key)
            assert (await transport.fetch(ECHO, Limits())).text == "here\n"
            await transport.close()
    finally:
        process.terminate()
        process.wait(5)


async def test_a_jump_host(sshd: Sshd, tmp_path: Path) -> None:
    with running_sshd(tmp_path / "inner", options="restrict") as inner:
        pool = pool_for(sshd)
        pool.known_hosts = KnownHosts([sshd.known_hosts, inner.known_hosts])
        jump = target_of(sshd, name="gate")
        transport = ssh_transport(inner, pool, jump=jump)
        assert (await transport.fetch(ECHO, Limits())).text == "here\n"
        big = await transport.fetch(Command(("head", "-c", "3000000", "/dev/zero")), Limits())
        assert big.size == 3_000_000
        assert pool.metrics.handshakes.labels("ok")._value.get() == 2
        nowhere = SshTransport(pool, Target(HOST, free_port(), jump=jump))
        assert isinstance(await failure(nowhere), ConnectionRefused)
        await transport.close()
        await pool.close()


async def test_nobody_there_is_told_apart(sshd: Sshd) -> None:
    error = await failure(ssh_transport(sshd, port=free_port()))
    assert isinstance(error, ConnectionRefused)
    assert error.message.endswith(": connection refused")
    assert isinstance(await failure(ssh_transport(sshd, host="no-such-host.invalid")), NameUnknown)
    pool = pool_for(sshd, connect_s=0.3, handshake_s=0.3)
    with listener(None) as port:
        assert isinstance(await failure(ssh_transport(sshd, pool, port=port)), ConnectTimedOut)
    with listener(b"SSH-2.0-mute\r\n") as port:
        assert isinstance(await failure(ssh_transport(sshd, pool, port=port)), ConnectTimedOut)
    with listener(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 100_000) as port:
        assert isinstance(await failure(ssh_transport(sshd, pool, port=port)), HandshakeFailed | ConnectTimedOut)
    assert isinstance(await failure(ssh_transport(sshd, pool, port=port)), ConnectionRefused)


async def test_silent_hosts_hold_up_nobody(sshd: Sshd) -> None:
    pool = pool_for(sshd, handshakes=2)
    with listener(None) as port:
        silent = [ssh_transport(sshd, pool, port=port, user=f"user{n}") for n in range(20)]
        dead = [asyncio.create_task(failure(one, Limits(timeout_s=1.5))) for one in silent]
        await asyncio.sleep(0.1)
        began = time.monotonic()
        healthy = ssh_transport(sshd, pool)
        assert (await healthy.fetch(ECHO, Limits())).text == "here\n"
        assert time.monotonic() - began < 1.2
        assert {type(error) for error in await asyncio.gather(*dead)} == {ConnectTimedOut}
    await pool.close()


async def test_a_flood_is_cut_and_the_connection_goes_on(sshd: Sshd) -> None:
    pool = pool_for(sshd)
    transport = ssh_transport(sshd, pool)
    for _ in range(3):
        with pytest.raises(OutputTooLarge):
            await transport.fetch(Command(("cat", "/dev/zero")), Limits(max_bytes=1_000_000))
        assert (await transport.fetch(ECHO, Limits())).text == "here\n"
    assert pool.metrics.handshakes.labels("ok")._value.get() == 1
    await transport.close()


async def test_a_connection_that_broke_is_made_again(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "sshd") as server:
        transport = ssh_transport(server)
        sleeping = asyncio.create_task(transport.fetch(Command(("sleep", "30")), Limits(timeout_s=20)))
        pid = (await transport.fetch(Command(("sh", "-c", "ps -o ppid= -p $PPID")), Limits())).text
        os.kill(int(pid) if int(pid) != server.process.pid else _session_of(server), 9)
        with pytest.raises(ConnectionLost):
            await sleeping
        assert (await transport.fetch(ECHO, Limits())).text == "here\n"
        await transport.close()


def _session_of(server: Sshd) -> int:
    found = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=True)
    return int(found.stdout.split()[0])


async def test_a_look_that_waits_for_its_turn_says_so(sshd: Sshd) -> None:
    pool = pool_for(sshd, handshakes=1)
    async with pool.turns:
        error = await failure(ssh_transport(sshd, pool), Limits(timeout_s=0.5))
    assert isinstance(error, NoTurn)
    assert "no turn" in error.message
    await pool.close()


async def test_closing_leaves_nothing_running_of_what_did_not_end(sshd: Sshd) -> None:
    transport = ssh_transport(sshd)
    with pytest.raises(LookTimedOut):
        await transport.fetch(Command(("sh", "-c", "sleep 62.25 & sleep 62.25")), Limits(timeout_s=1))
    await transport.close()
    deadline = time.monotonic() + 3
    while left := [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "62.25"]]:
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.05)


async def test_a_port_that_there_is_not_makes_a_device_unreachable(sshd: Sshd) -> None:
    error = await failure(ssh_transport(sshd, port=99_999))
    assert isinstance(error, ConnectionRefused)
    assert "there is no such port" in error.message
