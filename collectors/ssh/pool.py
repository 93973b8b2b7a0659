"""One connection a device, made when it is first needed and again when it broke; shared by all that look at it."""

import asyncio
import contextlib
import logging

import asyncssh

from collectors.errors import LookFailed
from collectors.ssh.connecting import Attempt
from collectors.ssh.known_hosts import KnownHosts
from collectors.ssh.metrics import SshMetrics
from collectors.ssh.settings import SshSettings
from collectors.ssh.target import Target
from collectors.ssh.way import Step

CLOSE_S = 2.0


class SshPool:
    """All connections of an agent. Handshakes take turns, `settings.handshakes` at once over all devices."""

    def __init__(self, settings: SshSettings, known_hosts: KnownHosts, metrics: SshMetrics) -> None:
        self.settings = settings
        self.known_hosts = known_hosts
        self.metrics = metrics
        self.turns = asyncio.Semaphore(settings.handshakes)
        self._lines: dict[Target, Line] = {}
        # asyncssh tells each connection and each command; what matters comes back as an error.
        logging.getLogger("asyncssh").setLevel(logging.CRITICAL)

    def hold(self, target: Target) -> "Line":
        """Return the line to a device, its own or the one that others hold; to be let go with `release`."""
        line = self._lines.get(target)
        if line is None:
            jump = self.hold(target.jump) if target.jump is not None else None
            line = self._lines[target] = Line(self, target, jump)
        line.holders += 1
        return line

    async def release(self, target: Target) -> None:
        """Let go of a line; the last one closes it."""
        line = self._lines.get(target)
        if line is None:
            return
        line.holders -= 1
        if line.holders <= 0:
            del self._lines[target]
            await line.close()
            if target.jump is not None:
                await self.release(target.jump)

    async def close(self) -> None:
        """Close all connections. May be called twice."""
        lines, self._lines = list(self._lines.values()), {}
        await asyncio.gather(*(line.close() for line in lines))


class Line:
    """The way to one device: at most one connection, and a bound of sessions on it."""

    def __init__(self, pool: SshPool, target: Target, jump: "Line | None") -> None:
        self.target = target
        self.holders = 0
        self.sessions = asyncio.Semaphore(pool.settings.sessions)
        self._pool = pool
        self._jump = jump
        self._attempt: Attempt | None = None
        self._connecting: asyncio.Task[asyncssh.SSHClientConnection] | None = None
        self._connection: asyncssh.SSHClientConnection | None = None

    @property
    def waits_for_turn(self) -> bool:
        """Whether it is our own bound of handshakes that the connection waits for."""
        return self._attempt is not None and self._attempt.step is Step.WAITING

    async def connection(self) -> asyncssh.SSHClientConnection:
        """Return the connection; many who ask share one attempt, which goes on when they wait no longer.

        Raises LookUnreachable and its kinds.
        """
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._connected)
        return await asyncio.shield(self._connecting)

    def abandon(self, connection: asyncssh.SSHClientConnection) -> None:
        """Drop a connection that answers no more; the next look makes another."""
        connection.abort()
        if self._connection is connection:
            self._connection = None

    async def close(self) -> None:
        """Close the connection. May be called twice."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            with contextlib.suppress(TimeoutError, OSError, asyncssh.Error):
                async with asyncio.timeout(CLOSE_S):
                    await connection.wait_closed()

    async def _connect(self) -> asyncssh.SSHClientConnection:
        jump = await self._jump.connection() if self._jump is not None else None
        self._attempt = Attempt(self.target, self._pool.settings, self._pool.turns)
        return await self._attempt.run(self._pool.known_hosts, jump)

    def _connected(self, task: "asyncio.Task[asyncssh.SSHClientConnection]") -> None:
        self._connecting = self._attempt = None
        if task.cancelled():
            return
        handshakes, error = self._pool.metrics.handshakes, task.exception()
        if error is not None:
            handshakes.labels(error.error_code if isinstance(error, LookFailed) else "fault").inc()
            return
        handshakes.labels("ok").inc()
        self._connection = connection = task.result()
        self._pool.metrics.connections.inc()
        waiting = asyncio.ensure_future(connection.wait_closed())
        waiting.add_done_callback(lambda _: self._pool.metrics.connections.dec())
