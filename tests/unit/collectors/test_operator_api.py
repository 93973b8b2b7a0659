"""The socket that operators ask on: its place and mode, what is answered, what is refused, and how much at once."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from collectors.api.client import AgentRefused, Reply, ask_agent
from collectors.api.protocol import LONGEST_REQUEST_BYTES, Request
from collectors.api.server import MOST_CLIENTS, OperatorApi
from collectors.api.socket import connected
from collectors.catalog import named_look
from collectors.device import Device
from collectors.errors import CommandFailed
from collectors.settings import AgentSettings
from runtime.errors import InputInvalid
from tests.unit.collectors.test_front import SYSTEM, World


class Served:
    """An agent's API on a socket in a folder."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.path = folder / "agent" / "agent.sock"
        self.api = OperatorApi(
            self.path,
            self.world.front,
            device=self.find,
            look=lambda name, _: named_look(name, AgentSettings()).look,
        )

    def find(self, name: str | None) -> Device:
        if name in (None, "web-1"):
            return self.world.device
        raise InputInvalid(f"this agent does not watch {name!r}: it watches web-1")

    async def ask(self, **request: Any) -> Reply | None:
        return await asyncio.to_thread(ask_agent, self.path, Request(collector="system", **request))

    async def say(self, line: bytes) -> dict[str, Any]:
        """Send a line as it stands; return the first line of the answer."""
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        writer.write(line)
        answer = await reader.readline()
        writer.close()
        found: dict[str, Any] = json.loads(answer) if answer else {}
        return found


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Served]:
    served = Served(folder)
    task = asyncio.create_task(served.api.run())
    while not served.path.exists():
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)
    yield served
    task.cancel()
    await asyncio.wait({task})
    await served.world.spool.close()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as found:
        yield found


async def test_the_socket_is_its_owner_s_only_and_goes_with_the_agent(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        assert served.path.stat().st_mode & 0o777 == 0o600
        path = served.path
    assert not path.exists()


async def test_a_look_and_then_what_was_kept(served: Served) -> None:
    first, second = await served.ask(), await served.ask(device="web-1")
    assert first is not None
    assert second is not None
    assert (first.ended.status, second.ended.status) == ("success", "cached")
    assert second.ended.age_seconds == 0
    assert first.events == second.events
    event = json.loads(first.events[-1])
    assert (event["type"], event["subject"]) == ("infrastructor.metric.collected.v1", "web-1")
    assert event["correlationid"] == str(first.ended.correlation)


async def test_raw_output_comes_of_a_look(served: Served) -> None:
    await served.ask()
    reply = await served.ask(raw=True)
    assert reply is not None
    assert (reply.ended.status, reply.raw) == ("success", SYSTEM)


async def test_a_failure_is_told_in_its_words(served: Served) -> None:
    served.world.transport.answers = [CommandFailed("head ended with 1: no")]
    reply = await served.ask()
    assert reply is not None
    assert (reply.ended.status, reply.ended.error_code) == ("error", "command_failed")
    assert reply.ended.message == "head ended with 1: no"


async def test_what_makes_no_sense_is_refused_with_the_field(served: Served) -> None:
    with pytest.raises(AgentRefused, match="does not watch 'web-9': it watches web-1") as refused:
        await served.ask(device="web-9")
    assert refused.value.exit_code == 65
    for line, what in (
        (b'{"ask":"collect","collector":"sytem"}\n', "did you mean system"),
        (b'{"ask":"reboot","collector":"system"}\n', "ask: "),
        (b'{"collector":"system","device":5}\n', "device: "),
        (b"[]\n", "the request: "),
        (b"GET / HTTP/1.1\n", "the request: "),
    ):
        assert what in (await served.say(line))["refused"]["message"]
    assert await served.ask() is not None


async def test_a_line_without_an_end_is_cut_off(served: Served) -> None:
    assert await served.say(b"x" * (2 * LONGEST_REQUEST_BYTES)) == {}
    assert await served.ask() is not None


async def test_so_many_operators_and_no_more(served: Served) -> None:
    idle = [await asyncio.open_unix_connection(str(served.path)) for _ in range(MOST_CLIENTS)]
    with pytest.raises(AgentRefused, match="try again in a moment"):
        await served.ask()
    for _, writer in idle:
        writer.close()
        await writer.wait_closed()
    await asyncio.sleep(0.05)
    assert await served.ask() is not None


async def test_an_agent_that_ends_leaves_its_operators_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path) as served:
        idle = [await asyncio.open_unix_connection(str(served.path)) for _ in range(3)]
        await asyncio.sleep(0.05)
    assert [await reader.read() for reader, _ in idle] == [b""] * 3
    for _, writer in idle:
        writer.close()
    assert caplog.text == ""


async def test_one_who_goes_away_harms_nobody(served: Served) -> None:
    for _ in range(3):
        with connected(served.path, timeout_s=1) as client:
            client.sendall(b'{"collector":"system","force":true}\n')
    assert await served.ask() is not None


def test_without_an_agent_there_is_no_answer(tmp_path: Path) -> None:
    request = Request(collector="system")
    assert ask_agent(tmp_path / "none" / "agent.sock", request) is None
    path = tmp_path / "agent.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    assert ask_agent(path, request) is None


async def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "agent").mkdir()
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "agent" / "agent.sock"))
    async with serving(tmp_path) as served:
        await asyncio.sleep(0.05)
        assert await served.ask() is not None


async def test_a_folder_with_a_long_name_is_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 90) / ("b" * 90)
    folder.mkdir(parents=True)
    async with serving(folder) as served:
        reply = await served.ask()
        assert reply is not None
        assert reply.ended.status == "success"


async def test_an_agent_that_ends_meanwhile_is_said(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_unix_server(hang_up, path):
        with pytest.raises(AgentRefused, match="see its log"):
            await asyncio.to_thread(ask_agent, path, Request(collector="system"))
