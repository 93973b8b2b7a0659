"""What every transport keeps to: one suite, on this machine's files and programs, on programs alone, and over SSH.

`script` answers a set of files the way a machine is asked where only programs can be run: by one command. `ssh` asks
this machine over a real sshd on its loopback.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from collectors import sections
from collectors.absence import absence
from collectors.errors import CommandFailed, LookFailed, LookTimedOut, OutputTooLarge, ProgramMissing
from collectors.gpu.look import gpu_look
from collectors.local import LocalTransport
from collectors.request import STATVFS, Command, FileSet, Request, argv_of
from collectors.system.filesystem import parse_statvfs
from collectors.system.look import FILES, parse
from collectors.transport import Limits, Output, Transport
from tests.ssh_devices import ssh_transport
from tests.sshd import Sshd, needs_sshd, running_sshd


@dataclass
class ScriptTransport:
    """Files by the one command that reads them; what SSH does, without the network."""

    inner: LocalTransport

    async def fetch(self, request: Request, limits: Limits) -> Output:
        command = request if isinstance(request, Command) else Command(argv_of(request))
        return await self.inner.fetch(command, limits)

    async def close(self) -> None:
        await self.inner.close()


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(params=["local", "script", pytest.param("ssh", marks=needs_sshd)])
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    made: Transport
    match request.param:
        case "local":
            made = LocalTransport()
        case "script":
            made = ScriptTransport(LocalTransport())
        case _:
            made = ssh_transport(request.getfixturevalue("sshd"))
    yield made
    await made.close()
    await made.close()


async def test_output_and_exit_code_of_a_program(transport: Transport) -> None:
    output = await transport.fetch(Command(("sh", "-c", "printf 'a\\nb'; exit 3"), frozenset({3})), Limits())
    assert output == Output("a\nb", 3, 3)


async def test_arguments_are_never_a_shells(transport: Transport, tmp_path: Path) -> None:
    hostile = f"$(touch {tmp_path}/made); `id` 'x' \"y\" * \n &"
    output = await transport.fetch(Command(("printf", "%s", hostile)), Limits())
    assert output.text == hostile
    assert not (tmp_path / "made").exists()


async def test_bytes_that_are_no_utf8_are_replaced(transport: Transport) -> None:
    output = await transport.fetch(Command(("printf", r"a\377b")), Limits())
    assert output.text == "a\ufffdb"


async def test_programs_speak_the_language_of_machines(transport: Transport) -> None:
    output = await transport.fetch(Command(("sh", "-c", "echo $LC_ALL")), Limits())
    assert output.text == "C\n"


async def test_a_failure_says_what_the_program_said(transport: Transport) -> None:
    with pytest.raises(CommandFailed, match="sh ended with 4: no such pool"):
        await transport.fetch(Command(("sh", "-c", "echo no such pool >&2; exit 4")), Limits())


async def test_a_program_that_is_not_there(transport: Transport) -> None:
    with pytest.raises(ProgramMissing, match="no-such-program"):
        await transport.fetch(Command(("no-such-program",)), Limits())


async def test_what_does_not_end_is_killed_with_all_it_started(transport: Transport) -> None:
    began = time.monotonic()
    with pytest.raises(LookTimedOut):
        await transport.fetch(Command(("sh", "-c", "sleep 61.5 & sleep 61.5")), Limits(timeout_s=0.3))
    assert time.monotonic() - began < 5
    deadline = time.monotonic() + 3
    while left := [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "61.5"]]:
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.05)


async def test_a_flood_is_cut_off(transport: Transport) -> None:
    with pytest.raises(OutputTooLarge):
        await transport.fetch(Command(("cat", "/dev/zero")), Limits(timeout_s=10, max_bytes=100_000))


async def test_complaints_without_end_do_not_hold_a_program_up(transport: Transport) -> None:
    command = Command((sys.executable, "-c", "import sys; sys.stderr.write('x' * 3_000_000); print('done')"))
    assert (await transport.fetch(command, Limits())).text == "done\n"


async def test_files_come_in_one_text_and_missing_ones_are_left_out(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("alpha\n")
    (tmp_path / "b1").write_text("beta")
    (tmp_path / "b2").write_text("gamma\n\n")
    files = FileSet((f"{tmp_path}/a.txt", f"{tmp_path}/none", f"{tmp_path}/b*"))
    output = await transport.fetch(files, Limits())
    found = sections.split(output.text)
    assert found == {f"{tmp_path}/a.txt": "alpha", f"{tmp_path}/b1": "beta", f"{tmp_path}/b2": "gamma"}
    assert output.size == len(output.text.encode())


async def test_a_long_file_is_cut(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x" * 1000)
    (tmp_path / "b").write_text("y")
    output = await transport.fetch(FileSet((f"{tmp_path}/a", f"{tmp_path}/b"), max_file_bytes=100), Limits())
    assert sections.split(output.text) == {f"{tmp_path}/a": "x" * 100, f"{tmp_path}/b": "y"}


async def test_too_much_text_is_an_error(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x" * 1000)
    with pytest.raises(OutputTooLarge):
        await transport.fetch(FileSet((f"{tmp_path}/a", f"{tmp_path}/a")), Limits(max_bytes=500))


async def test_several_looks_at_once_all_get_their_answer(transport: Transport) -> None:
    outputs = await asyncio.gather(*(transport.fetch(FileSet(("/proc/uptime", "/proc/stat")), Limits()) for _ in "123"))
    assert all("/proc/uptime" in sections.split(output.text) for output in outputs)


async def test_the_system_look_is_readable(transport: Transport) -> None:
    readings = parse((await transport.fetch(FILES, Limits())).text)
    assert readings.stat.total["user"] > 0
    assert readings.meminfo
    assert readings.uptime_s


async def test_usage_of_file_systems_is_that_of_statvfs(transport: Transport) -> None:
    output = await transport.fetch(FILES, Limits())
    usages = parse_statvfs(sections.split(output.text)[STATVFS])
    assert usages
    for place, usage in usages.items():
        found = os.statvfs(place)
        assert usage.size == found.f_blocks * found.f_frsize
        assert abs(usage.free - found.f_bfree * found.f_frsize) < 1 << 30
        assert usage.inodes == found.f_files


async def test_all_errors_are_those_of_looks(transport: Transport) -> None:
    for command in (("",), ("/etc",), ("/etc/passwd",), ("x\0y",)):
        with pytest.raises(LookFailed):
            await transport.fetch(Command(command), Limits())


async def test_what_is_no_file_is_passed_over(transport: Transport, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    (tmp_path / "b").write_text("b")
    (tmp_path / "c").symlink_to("/dev/zero")
    output = await transport.fetch(FileSet((f"{tmp_path}/*", f"{tmp_path}/a")), Limits(timeout_s=10))
    assert sections.split(output.text) == {f"{tmp_path}/b": "b"}
    assert (await transport.fetch(FileSet((f"{tmp_path}/a",)), Limits(timeout_s=10))).text == ""


async def test_a_script_that_misses_something_says_what(transport: Transport) -> None:
    with pytest.raises(LookFailed, match="sh ended with 127: no engine is there") as caught:
        await transport.fetch(Command(("sh", "-c", "echo no engine is there >&2; exit 127")), Limits())
    assert "cannot be run" not in caught.value.message
    assert absence(caught.value, gpu_look()) is not None
