"""The way to a device's sshd: TCP, or a channel through a jump host; handed to asyncssh once the device speaks.

A server sends its version first (RFC 4253, 4.2). Who has sent nothing takes no turn among the handshakes, so hosts that
are dead, or take a connection and keep silent, hold up nobody.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from enum import Enum
from ipaddress import ip_address
from typing import Any, cast

import asyncssh

from collectors.daemon_thread import in_daemon_thread
from collectors.ssh.target import Target


class Step(Enum):
    """How far an attempt to connect is."""

    CONNECTING = "connecting"
    WAITING = "waiting for a turn among the handshakes"
    HANDSHAKE = "in the handshake"


class Way:
    """One attempt. asyncssh takes it for a tunnel: `create_connection` is what it asks of one.

    `reached` is awaited when the device speaks, before the handshake begins. `step` is CONNECTING until then.
    """

    def __init__(
        self, target: Target, jump: asyncssh.SSHClientConnection | None, reached: Callable[[], Awaitable[None]]
    ) -> None:
        self._target = target
        self._jump = jump
        self._reached = reached

    async def create_connection(
        self, session_factory: Callable[[], Any], remote_host: str, remote_port: int
    ) -> tuple[Any, Any]:
        """Return the transport and asyncssh's connection on it. Raises OSError, ChannelOpenError."""
        parked = await (self._tcp() if self._jump is None else self._through(self._jump))
        try:
            await parked.spoken
            await self._reached()
            connection = session_factory()
            parked.hand_over(connection)
        except BaseException:
            parked.transport.abort()
            raise
        return parked.transport, connection

    async def _tcp(self) -> "Parked":
        loop = asyncio.get_running_loop()
        failed: OSError | None = None
        for address in await _addresses(self._target.host, self._target.port):
            try:
                _, parked = await loop.create_connection(Parked, address, self._target.port)
            except OSError as error:
                failed = error
            else:
                return parked
        raise failed or OSError("no address")

    async def _through(self, jump: asyncssh.SSHClientConnection) -> "Parked":
        _, parked = await jump.create_connection(Parked, self._target.host, self._target.port)
        return cast("Parked", parked)


class Parked(asyncssh.SSHTCPSession[bytes], asyncio.Protocol):
    """Holds what a device says until somebody takes over; then passes everything on.

    It stays in between on a channel, which cannot change its session; of a socket it is relieved.
    """

    def __init__(self) -> None:
        self.spoken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.spoken.add_done_callback(_heard)
        self.transport: Any = None
        self._kept: list[bytes] = []
        self._heir: Any = None

    def connection_made(self, transport: Any) -> None:
        """The connection stands."""
        self.transport = transport

    def data_received(self, data: bytes, datatype: object = None) -> None:
        """The first data: enough to know that somebody is there."""
        if self._heir is not None:
            self._heir.data_received(data)
            return
        self._kept.append(data)
        self.transport.pause_reading()
        if not self.spoken.done():
            self.spoken.set_result(None)

    def eof_received(self) -> bool:
        """No more will come."""
        if self._heir is not None:
            return bool(self._heir.eof_received())
        self._broken(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._heir is not None:
            self._heir.connection_lost(exc)
        else:
            self._broken(exc)

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        if self._heir is not None:
            self._heir.pause_writing()

    def resume_writing(self) -> None:
        """The transport takes more."""
        if self._heir is not None:
            self._heir.resume_writing()

    def hand_over(self, heir: Any) -> None:
        """Let asyncssh's connection have what came and what comes."""
        self._heir = heir
        if isinstance(self.transport, asyncio.Transport):
            self.transport.set_protocol(heir)
        heir.connection_made(self.transport)
        for data in self._kept:
            heir.data_received(data)
        self._kept.clear()
        self.transport.resume_reading()

    def _broken(self, error: Exception | None) -> None:
        if not self.spoken.done():
            self.spoken.set_exception(error or ConnectionResetError("closed the connection without a word"))


def _heard(spoken: "asyncio.Future[None]") -> None:
    # An error that nobody waits for any more is no news.
    if not spoken.cancelled():
        spoken.exception()


async def _addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a host. The resolver blocks, and for as long as it likes: it has its own thread."""
    try:
        return [str(ip_address(host))]
    except ValueError:
        pass
    found = await in_daemon_thread(
        lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), f"resolve-{host[:20]}"
    )
    return list(dict.fromkeys(str(one[4][0]) for one in found))
