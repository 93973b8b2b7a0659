"""A restricted key and its wrapper on a real sshd: what the lists allow works, all else is refused."""

import time
from collections.abc import AsyncIterator, Iterator

import asyncssh
import pytest

from collectors.absence import absence
from collectors.errors import CommandFailed, ProgramMissing
from collectors.identity.look import identity_look
from collectors.request import Command
from collectors.ssh import quoting
from collectors.ssh.transport import SshTransport
from collectors.system.look import FILES, parse
from collectors.transport import Limits
from tests.integration.restricted import restricted_sshd
from tests.ssh_devices import ssh_transport
from tests.sshd import HOST, Sshd, needs_sshd

pytestmark = needs_sshd


@pytest.fixture(scope="module")
def restricted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    more = "'echo' allowed [a-z]+\n'echo' anything .*\n.*printenv\n'sleep' [0-9]+\n"
    with restricted_sshd(tmp_path_factory.mktemp("restricted"), more=more) as server:
        yield server


@pytest.fixture
async def transport(restricted: Sshd) -> AsyncIterator[SshTransport]:
    made = ssh_transport(restricted)
    yield made
    await made.close()


async def test_what_the_lists_allow_works(transport: SshTransport) -> None:
    assert parse((await transport.fetch(FILES, Limits())).text).uptime_s
    assert "hostname" in (await transport.fetch(identity_look().request, Limits())).text  # type: ignore[arg-type]
    assert (await transport.fetch(Command(("echo", "allowed", "words")), Limits())).text == "allowed words\n"
    assert (await transport.fetch(Command(("echo", "anything", "a b;c")), Limits())).text == "anything a b;c\n"


async def refused(transport: SshTransport, line: str) -> bool:
    """Send a line as it stands; tell whether the wrapper refused it."""
    connection = await transport._line.connection()
    done = await connection.run(line, timeout=5)
    assert "owned" not in str(done.stdout), line
    return done.exit_status == 126


@pytest.mark.parametrize(
    "line",
    [
        "",
        "id",
        "sh",
        "'echo' owned",
        "'echo' allowed Owned",
        "'echo' allowed words; echo owned",
        "'echo' allowed words\necho owned",
        "echo owned\n'echo' allowed words",
        "'echo' anything $(echo owned)",
        "'echo' anything `echo owned`",
        "'echo' anything ' ; echo owned",
        "'echo' anything '\"'\"'; echo owned; '",
        "'echo' anything x && echo owned",
        "'echo' anything x | cat",
        "'echo' anything x > /tmp/owned",
        "'echo' anything \"x\"",
        "'echo' anything \\$HOME",
        "'echo' anything *",
        "'echo' anything ~",
        "'echo' anything {a,b}",
        "'echo' anything\towned",
        "PATH=/tmp 'printenv'",
        "LD_PRELOAD=/tmp/x.so printenv",
        "'A=owned' printenv",
        "# 'echo' allowed words",
        "exec 'echo' allowed words",
        " 'echo' allowed words",
        "'smartctl' -s off /dev/sda",
        "'smartctl' -j -x -n standby /dev/sda -s off",
        "'smartctl' -j -x -n standby '/dev/sda; id'",
        "'smartctl' -j -x -n standby /dev/../etc/shadow",
        "'cat' /etc/shadow",
        "scp -f /etc/shadow",
        "internal-sftp",
        "/usr/lib/openssh/sftp-server",
    ],
)
async def test_all_else_is_refused(transport: SshTransport, line: str) -> None:
    assert await refused(transport, line)
    assert await refused(transport, quoting.PREFIX + line)


async def test_a_refusal_means_that_the_collector_does_not_apply(transport: SshTransport) -> None:
    with pytest.raises(ProgramMissing, match="infrastructor-shell refuses") as caught:
        await transport.fetch(Command(("id", "-u")), Limits())
    assert absence(caught.value, identity_look()) is not None


async def test_what_hangs_is_ended_and_nothing_is_forwarded(transport: SshTransport, restricted: Sshd) -> None:
    connection = await transport._line.connection()
    with pytest.raises(asyncssh.ChannelOpenError):
        await connection.open_connection(HOST, restricted.port)
    began = time.monotonic()
    with pytest.raises(CommandFailed, match="sleep ended with 124"):
        await transport.fetch(Command(("sleep", "60")), Limits())
    assert time.monotonic() - began < 8
