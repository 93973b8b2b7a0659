"""Asking servers on Unix sockets: what they answer, how they misbehave, and what is left behind of that."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from collectors.chain import ask
from collectors.containers.look import containers_look
from collectors.errors import LookTimedOut, OutputTooLarge, SocketUnusable
from collectors.local import LocalTransport
from collectors.request import Chain, Command, Gets
from collectors.settings import AgentSettings
from collectors.transport import Limits
from collectors.unix_http import get_all

Serve = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A server on a socket: counts who asks, and how many at once."""

    def __init__(self, serve: Serve) -> None:
        self.asked: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self._serve = serve

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head.split(" ")[1])
            await self._serve(self.asked[-1], writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.at_once -= 1
            writer.close()


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[tuple[str, Server]]:
    # A socket's path has 107 bytes at most: tmp_path may have more.
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="http-") as folder:
        server, path = Server(serve), f"{folder}/s"
        listening = await asyncio.start_unix_server(server.accept, path)
        try:
            yield path, server
        finally:
            listening.close()


async def good(path: str, writer: asyncio.StreamWriter) -> None:
    status = b"404 Not Found" if "gone" in path else b"200 OK"
    writer.write(b"HTTP/1.0 " + status + b'\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n\r\n{"a":1}\n')
    await writer.drain()


async def test_answers_stand_in_their_order_with_their_status() -> None:
    async with serving(good) as (path, server):
        request = Gets(tuple((path, one) for one in ("/a", "/gone", "/b?c=d")), at_once=2)
        output = await get_all(request, Limits(), now=lambda: 1795238274.25)
    assert output.text == (
        "==> clock <==\n1795238274.250000\n\n"
        f'==> GET /a of {path} [status 200] <==\n{{"a":1}}\n\n'
        f'==> GET /gone of {path} [status 404] <==\n{{"a":1}}\n\n'
        f'==> GET /b?c=d of {path} [status 200] <==\n{{"a":1}}\n'
    )
    assert output.size == 24
    assert sorted(server.asked) == ["/a", "/b?c=d", "/gone"]


async def test_no_more_are_asked_at_once_than_may_be() -> None:
    async def slow(path: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.01)
        await good(path, writer)

    async with serving(slow) as (path, server):
        output = await get_all(Gets(tuple((path, f"/{number}") for number in range(40)), at_once=4), Limits())
    assert server.most_at_once == 4
    assert output.text.count("[status 200]") == 40


async def test_one_that_does_not_listen_costs_only_its_own_answers() -> None:
    async with serving(good) as (path, _):
        output = await get_all(Gets((("/tmp/nobody-listens.sock", "/a"), (path, "/a"))), Limits())
    assert (
        "==> GET /a of /tmp/nobody-listens.sock [status 0] <==\n/tmp/nobody-listens.sock: no such file" in output.text
    )
    assert "[status 200]" in output.text


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK", b"HTTP/1.1 2000 OK\r\n\r\n"])
async def test_what_is_no_http(said: bytes) -> None:
    async def other(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    async with serving(other) as (path, _):
        with pytest.raises(SocketUnusable, match=f"{path}: no HTTP is spoken there"):
            await get_all(Gets(((path, "/a"),)), Limits())


async def test_a_silent_server_costs_no_more_than_the_time_there_is() -> None:
    async def silent(_: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    async with serving(silent) as (path, _):
        with pytest.raises(LookTimedOut, match=f"{path} did not answer within 0.05 s"):
            await get_all(Gets(((path, "/a"), (path, "/b"))), Limits(timeout_s=0.05))


async def test_a_flood_is_cut_off_whoever_brings_it() -> None:
    async def flood(_: str, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 65_536)
            await writer.drain()

    async with serving(flood) as (path, server):
        with pytest.raises(OutputTooLarge, match="more than 1000000 bytes"):
            await get_all(Gets(tuple((path, f"/{number}") for number in range(20))), Limits(max_bytes=1_000_000))
    assert len(server.asked) < 20


async def test_a_chain_goes_from_a_socket_to_a_program_and_on() -> None:
    async with serving(good) as (path, _):
        gone = Gets((("/tmp/nobody-listens.sock", "/a"),))
        chain = Chain(Gets(((path, "/a"),)), lambda text: (Command(("echo", str(text.count("a")))), gone))
        output = await ask(LocalTransport(), chain, Limits())
    assert f"==> GET /a of {path} [status 200] <==" in output.text
    assert "\n==> echo " in output.text


@pytest.mark.parametrize("value", ["docker.sock", "unix:///run/docker.sock", "/" + "a" * 120, "/run/a\nb"])
def test_a_setting_that_is_no_path_of_a_socket_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="is not the absolute path of a socket"):
        AgentSettings(container_sockets=(value,))


def test_devices_over_ssh_are_asked_by_program_all_the_same() -> None:
    settings = AgentSettings(container_sockets=("/run/docker.sock",), interval_s=10, remote_interval_s=60)
    assert settings.over_ssh.container_sockets == ()
    assert settings.over_ssh.interval_s == 60
    look = containers_look(sockets=settings.container_sockets)
    assert look.argv == (
        "GET",
        "unix:///run/docker.sock/version",
        "unix:///run/docker.sock/containers/json?all=true",
    )
    assert look.programs == ()
    assert look.hash != containers_look().hash
