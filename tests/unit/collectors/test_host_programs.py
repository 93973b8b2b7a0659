"""The looks at services, network and packages with the real programs of this machine."""

import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from collectors.chain import ask
from collectors.errors import CommandFailed
from collectors.local import ENVIRONMENT, LocalTransport
from collectors.network.look import network_look
from collectors.packages.look import packages_look
from collectors.services.look import services_look
from collectors.transport import Limits

LIMITS = Limits(timeout_s=120.0)


def need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


async def test_network_as_iproute2_tells_it() -> None:
    need("ip", "ss")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        output = await ask(LocalTransport(), network_look().request, LIMITS)
    found = network_look().parse(output.text)
    names = {name for _, name in socket.if_nameindex()}
    assert {one.name for one in found.interfaces} == names
    loopback = next(one for one in found.interfaces if one.name == "lo")
    assert "127.0.0.1" in [address.address for address in loopback.addresses]
    assert found.routes is not None
    assert found.neighbours is not None
    assert ("127.0.0.1", port) in [(one.address, one.port) for one in found.listening or ()]


@pytest.mark.parametrize("other", ["ip", "busybox"])
async def test_an_ip_without_json_tells_the_same_as_text(other: str, tmp_path: Path) -> None:
    need("ip", other)
    program = f"{shutil.which(other)}{' ip' if other == 'busybox' else ''}"
    wrapper = tmp_path / "ip"
    wrapper.write_text(f'#!/bin/sh\n[ "$1" = -j ] && exit 255\nexec {program} "$@"\n')
    wrapper.chmod(0o755)
    look, plain = network_look(), LocalTransport({"PATH": f"{tmp_path}:{ENVIRONMENT['PATH']}", "LC_ALL": "C"})
    text = look.parse((await ask(plain, look.request, LIMITS)).text)
    json = look.parse((await ask(LocalTransport(), look.request, LIMITS)).text)
    assert not text.unread
    alike = {"name", "mac", "mtu_bytes", "enabled", "carrier", "addresses"}
    # That of busybox leaves out the state, and who made a route.
    alike |= {"state", "member_of"} if other == "ip" else set()
    assert [one.model_dump(include=alike) for one in text.interfaces] == [
        one.model_dump(include=alike) for one in json.interfaces
    ]
    unnamed = {"protocol"} if other == "busybox" else set()
    assert [one.model_dump(exclude=unnamed) for one in text.routes or ()] == [
        one.model_dump(exclude=unnamed) for one in json.routes or ()
    ]
    assert {one.address for one in text.neighbours or ()} == {one.address for one in json.neighbours or ()}


async def test_updates_are_as_many_as_apt_get_says() -> None:
    need("apt-get", "dpkg", "stat")
    command = ["apt-get", "-s", "-o", "Debug::NoLocking=true", "dist-upgrade"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env={"LC_ALL": "C", "PATH": "/usr/bin"})
    summary = re.search(r"^(\d+) upgraded, ", said.stdout, re.MULTILINE)
    assert summary is not None
    output = await ask(LocalTransport(), packages_look().request, LIMITS)
    found = packages_look().parse(output.text)
    assert found.manager == "apt"
    assert len(found.updates) == int(summary[1])
    assert (
        found.running_kernel
        == subprocess.run(["uname", "-r"], capture_output=True, text=True, check=True).stdout.strip()
    )


async def test_services_of_a_machine_with_systemd_or_a_clear_refusal() -> None:
    need("systemctl")
    look = services_look()
    booted = subprocess.run(["systemctl", "show", "--property=Version"], capture_output=True, check=False)
    if booted.returncode != 0:
        with pytest.raises(CommandFailed, match=r"^systemctl ended with 1: Failed to connect to bus"):
            await ask(LocalTransport(), look.request, LIMITS)
        return
    output = await ask(LocalTransport(), look.request, LIMITS)
    found = look.parse(output.text)
    assert found.complete
    assert found.version is not None
