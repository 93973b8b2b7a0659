"""Every command of every collector passes the wrapper of deploy/ssh on a real sshd; what else is made of them does not.

The programs are stand-ins that print what they were given: it is the wrapper that is tested, not this machine.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

import asyncssh
import pytest

from collectors.catalog import COLLECTORS
from collectors.chain import ANY_CODE
from collectors.request import Command
from collectors.ssh import quoting
from collectors.ssh.transport import SshTransport
from collectors.transport import Limits
from tests.integration.registry_commands import asked
from tests.integration.restricted import SAMPLES, restricted_sshd
from tests.ssh_devices import ssh_transport
from tests.sshd import Sshd, needs_sshd

pytestmark = needs_sshd

EVERY = [*asked(), *(one for one in asked(sudo=True) if one[1][0] == "sudo")]
FURTHER = list(dict.fromkeys(argv for _, argv in EVERY if argv[0] != "sh"))
UNITS = "'env' TZ=UTC0 systemctl --no-pager show --property="
REFUSED = 126


@pytest.fixture(scope="module")
def restricted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    folder = tmp_path_factory.mktemp("restricted")
    programs = folder / "programs"
    programs.mkdir()
    for name in {argv[0] for argv in FURTHER}:
        (programs / name).write_text('#!/bin/sh\nprintf "<%s>\\n" "${0##*/}" "$@"\n')
        (programs / name).chmod(0o755)
    with restricted_sshd(folder, path=programs) as server:
        yield server


@pytest.fixture
async def transport(restricted: Sshd) -> AsyncIterator[SshTransport]:
    made = ssh_transport(restricted)
    yield made
    await made.close()


async def answered(transport: SshTransport, argv: tuple[str, ...]) -> str:
    """Return what a program printed; it fails when it was refused."""
    accepted = ANY_CODE - {REFUSED}
    return (await transport.fetch(Command(argv, accepted), Limits(20))).text


def test_every_collector_is_among_them() -> None:
    assert {name for name, _ in EVERY} == {one.name for one in COLLECTORS}
    assert len(EVERY) > 30


async def test_every_look_passes_as_it_was_meant(transport: SshTransport) -> None:
    for name, argv in EVERY:
        text = await answered(transport, argv)
        if argv[0] != "sh":
            assert text == "".join(f"<{word}>\n" for word in argv), name


async def test_a_look_with_anything_added_is_refused(transport: SshTransport) -> None:
    connection = await transport._line.connection()
    # sshd takes ten sessions at a time, and some that have ended still count.
    turns = asyncio.Semaphore(4)

    async def sent_alone(line: str) -> asyncssh.SSHCompletedProcess:
        async with turns:
            return await connection.run(line, timeout=20)

    for number, argv in enumerate(FURTHER):
        line = quoting.words_line(argv)
        hostile = (
            f"{line} --owned=x",
            f"{line}; echo owned",
            f"{line} $(echo owned)",
            f"{line}\necho owned",
            f"echo owned\n{line}",
            f"{line} ../../etc/shadow",
            f"{line} '/etc/shadow'",
            f"LD_PRELOAD=/tmp/owned.so {line}",
        )
        # With what goes before each command, and bare, in turns.
        lines = [one if (number + which) % 2 else quoting.PREFIX + one for which, one in enumerate(hostile)]
        for sent, done in zip(lines, await asyncio.gather(*map(sent_alone, lines)), strict=True):
            assert done.exit_status == REFUSED, sent
            assert "owned" not in str(done.stdout)


@pytest.mark.parametrize(
    "line",
    [
        "'sh' -c 'echo owned'",
        "'sh' -c 'LC_ALL=C; export LC_ALL; head -v -c 262144 /etc/shadow 2>/dev/null; exit 0'",
        """'sh' -c 'LC_ALL=C; export LC_ALL; set --; for f in /etc/shadow; do [ -f "$f" ] && set -- "$@" "$f"; done; """
        """[ $# -gt 0 ] && head -v -c 262144 "$@" 2>/dev/null; exit 0'""",
        # An option that takes the verb for its argument, so that what stands behind -- would be the verb.
        "'systemctl' --kill-whom show --property=Id -- reboot",
        "'env' TZ=UTC0 systemctl --kill-whom show --property=Id -- reboot",
        "'systemctl' --no-pager show --property=Version,SystemState,NFailedUnits -- ssh.service",
        f"{UNITS}Environment -- ssh.service",
        f"{UNITS}Id,ExecStart -- ssh.service",
        "'env' TZ=UTC0 systemctl --no-pager stop ssh.service",
        "'env' LD_PRELOAD=/tmp/x systemctl --no-pager show",
        # `ip -b FILE` runs what is in the file.
        "'ip' -b addr show",
        "'ip' -batch neigh show",
        "'ip' -n addr route show",
        "'ip' -j route add default",
        "'ip' -j route flush table all",
        "'docker' inspect --type container web",
        "'docker' inspect --type image 4fa2635b4dae",
        "'docker' exec 4fa2635b4dae sh",
        "'docker' run -v /:/host busybox",
        "'docker' stats --no-stream --no-trunc --format '{{.}}'",
        "'docker' -H tcp://owned stats --no-stream",
        "'podman' image ls --digests --no-trunc --format '{{.ID}} {{.Repository}}@{{.Digest}}'",
        "'head' -v -c 262144 -- /etc/shadow",
        "'head' -v -c 262144 -- /etc/ssl/private/key.pem",
        "'head' -v -c 262144 -- /srv/../etc/secrets.yaml",
        "'head' -v -c 262144 -- '/srv/../etc/secrets.yaml'",
        "'head' -v -c 262144 -- /srv/./compose.yaml",
        "'head' -v -c 262144 -- srv/compose.yaml",
        "'head' -v -c 262144 -- /srv/compose.yaml /etc/shadow",
        "'head' -v -c 262144 -- /srv/*/compose.yaml",
        "'head' -v -c 262144 -- '/srv/compose.yaml' '/etc/shadow'",
        "'head' -v -c 64 /sys/class/net/../../../etc/shadow/speed",
        "'head' -v -c 64 /sys/class/net/eth0/address",
        "'head' -v -c 64 /sys/class/net/eth0/device/speed",
        "'head' -c 65536 /etc/shadow",
        "'cat' /proc/spl/kstat/zfs/arcstats /etc/shadow",
        "'ls' -l /root",
        "'apt-get' -s -qq -o Debug::NoLocking=true dist-upgrade -o APT::Update::Pre-Invoke::=id",
        "'apt-get' -qq -o Debug::NoLocking=true dist-upgrade",
        "'dnf' -q --cacheonly upgrade",
        "'pacman' -Qu --config /tmp/x",
        "'zpool' destroy tank",
        "'zpool' get -p all tank",
        "'zfs' list -p -t filesystem,volume -o name,x tank",
        "'smartctl' -j -x -n standby -d 'sat;id' /dev/sda",
        "'smartctl' -j -x -n standby -d sat -s off /dev/sda",
        "'smartctl' -j -x -n standby -d -s /dev/sda",
        "'sudo' -n smartctl -j -x -n standby /dev/../etc/shadow",
        "'sudo' -n -u root smartctl --scan-open -j",
        "'sudo' -n sh",
    ],
)
async def test_what_resembles_a_look_is_refused(transport: SshTransport, line: str) -> None:
    connection = await transport._line.connection()
    done = await connection.run(quoting.PREFIX + line, timeout=5)
    assert (done.exit_status, done.stdout) == (REFUSED, "")


def test_no_pattern_is_left_that_nobody_asks_for() -> None:
    asked_for = [quoting.words_line(argv) for argv in FURTHER]
    for pattern in (SAMPLES / "patterns").read_text().splitlines():
        # In a set of POSIX a backslash is one, in Python's it is not.
        expression = re.compile(pattern.replace(r"@\-]", r"@\\-]"))
        assert any(expression.fullmatch(line) for line in asked_for), pattern
