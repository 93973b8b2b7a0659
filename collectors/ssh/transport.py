"""The transport to a device over SSH: a command is a session on the device's one connection; files are a command."""

import asyncio
import contextlib
from typing import Any

import asyncssh

from collectors.errors import (
    CommandFailed,
    ConnectionLost,
    ConnectTimedOut,
    LookFailed,
    LookTimedOut,
    NoTurn,
    OutputTooLarge,
    ProgramMissing,
    SessionRefused,
    SocketUnusable,
    last_complaint,
)
from collectors.request import Command, FileSet, Gets, Request, argv_of
from collectors.ssh.pool import SshPool
from collectors.ssh.quoting import command_line, quoted
from collectors.ssh.target import Target
from collectors.transport import Limits, Output
from runtime.backoff import Backoff

NOT_EXECUTABLE, NOT_FOUND = 126, 127
MAX_COMPLAINT_BYTES = 65_536
CHUNK_BYTES = 65_536
KILL_S = 3.0
MOST_REFUSALS = 5
REFUSED = Backoff(first_s=0.05, longest_s=1.0)

Process = asyncssh.SSHClientProcess[bytes]


class SshTransport:
    """One device over SSH. Nothing is connected before the first fetch."""

    def __init__(self, pool: SshPool, target: Target) -> None:
        self._pool = pool
        self._target = target
        self._line = pool.hold(target)
        self._killing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def fetch(self, request: Request, limits: Limits) -> Output:
        """Return the answer to one request; see `Transport.fetch`. Raises LookUnreachable and its kinds, too."""
        if isinstance(request, Gets):
            raise SocketUnusable("sockets are asked on the machine itself only, not over SSH", operation="ask")
        command = request if isinstance(request, Command) else Command(argv_of(request))
        line = command_line(command.argv)
        title = "sh" if isinstance(request, FileSet) else command.argv[0]
        session = _Session(line, command, title, limits)
        try:
            async with asyncio.timeout(limits.timeout_s):
                session.connection = await self._line.connection()
                async with self._line.sessions:
                    return await session.run()
        except TimeoutError:
            raise self._late(session) from None

    async def close(self) -> None:
        """Give the connection back; see `Transport.close`."""
        if not self._closed:
            self._closed = True
            if self._killing:
                # What was ended for us ends before the connection does: each takes no longer than KILL_S.
                await asyncio.wait(self._killing)
            await self._pool.release(self._target)

    def _late(self, session: "_Session") -> LookFailed:
        where, limit = self._target.address, f"{session.limits.timeout_s:g} s"
        if session.connection is None:
            if self._line.waits_for_turn:
                return NoTurn(f"{where} had no turn among the handshakes in {limit}", operation="connect")
            return ConnectTimedOut(f"{where} was not connected in {limit}", operation="connect")
        if session.opening:
            # Not even the opening of a session was answered: the connection is dead, whatever TCP believes.
            self._line.abandon(session.connection)
            return ConnectTimedOut(f"{where} answers no more on its connection ({limit})", operation="run")
        if session.group is not None:
            task = asyncio.create_task(_kill(session.connection, session.group))
            self._killing.add(task)
            task.add_done_callback(self._killing.discard)
        return LookTimedOut(f"{session.title} did not end within {limit}", operation="run")


class _Session:
    """One command on a connection."""

    def __init__(self, line: str, command: Command, title: str, limits: Limits) -> None:
        self.title = title
        self.limits = limits
        self.connection: asyncssh.SSHClientConnection | None = None
        self.opening = False
        self.group: int | None = None
        self._line = line
        self._command = command

    async def run(self) -> Output:
        """Return the answer. Raises LookFailed and its kinds; the session is closed on return."""
        process = await self._opened()
        try:
            return await self._answer(process)
        except (OSError, asyncssh.Error) as error:
            raise ConnectionLost(f"the connection broke while {self.title} ran", operation="run") from error
        finally:
            _end(process)

    async def _opened(self) -> Process:
        """Return the session. sshd counts one that ended until its process is buried: then the next is refused."""
        for attempt in range(1, MOST_REFUSALS):
            try:
                return await self._open()
            except SessionRefused:
                await asyncio.sleep(REFUSED.wait_s(attempt))
        return await self._open()

    async def _open(self) -> Process:
        assert self.connection is not None  # noqa: S101 - set by the one who calls
        self.opening = True
        try:
            process: Process = await self.connection.create_process(self._line, stdin=asyncssh.DEVNULL, encoding=None)
        except asyncssh.ChannelOpenError as error:
            self.opening = False
            if self.connection.is_closed():
                raise ConnectionLost(f"the connection broke before {self.title} ran", operation="run") from error
            raise SessionRefused(f"no session for {self.title}: {error.reason}", operation="run") from error
        except (OSError, asyncssh.Error) as error:
            raise ConnectionLost(f"the connection broke before {self.title} ran", operation="run") from error
        self.opening = False
        return process

    async def _answer(self, process: Process) -> Output:
        complaints = asyncio.create_task(self._complaints(process.stderr))
        try:
            output = await self._output(process.stdout)
            complaint = (await complaints).decode(errors="replace").strip()
            await process.wait_closed()
        finally:
            complaints.cancel()
        code = self._code(process, complaint)
        return Output(output.decode(errors="replace"), len(output), code)

    async def _output(self, stream: "asyncssh.SSHReader[bytes]") -> bytes:
        parts: list[bytes] = []
        size = 0
        while part := await stream.read(CHUNK_BYTES):
            parts.append(part)
            size += len(part)
            if size > self.limits.max_bytes:
                raise OutputTooLarge(
                    f"{self.title} gave more than {self.limits.max_bytes} bytes",
                    operation="read",
                    limit=self.limits.max_bytes,
                )
        return b"".join(parts)

    async def _complaints(self, stream: "asyncssh.SSHReader[bytes]") -> bytes:
        """Return what the program complained of, bounded; the first line is ours: which process it is."""
        kept = b""
        while part := await stream.read(CHUNK_BYTES):
            if len(kept) < MAX_COMPLAINT_BYTES:
                kept += part[: MAX_COMPLAINT_BYTES - len(kept)]
            if self.group is None and b"\n" in kept:
                first, _, rest = kept.partition(b"\n")
                if first.isdigit() and int(first) > 1:
                    self.group, kept = int(first), rest
        return kept

    def _code(self, process: Process, complaint: str) -> int:
        code = process.returncode
        if code is None:
            raise ConnectionLost(f"the connection broke while {self.title} ran", operation="run")
        why = last_complaint(complaint)
        # A script that ends so says itself what is not there; it is not sh.
        by_script = code == NOT_FOUND and self._command.argv[0] == "sh"
        if code in {NOT_EXECUTABLE, NOT_FOUND} and not by_script:
            raise ProgramMissing(f"{self.title} cannot be run on the device{why}", operation="run")
        if code not in self._command.accepted:
            raise CommandFailed(f"{self.title} ended with {code}{why}", operation="run", exit_code=code)
        return code


def _end(process: Process) -> None:
    """Close the session, whatever still comes; end the program when it has not ended by itself."""
    if process.returncode is None and not process.is_closing():
        with contextlib.suppress(OSError):
            process.kill()
    process.close()


async def _kill(connection: asyncssh.SSHClientConnection, group: int) -> None:
    """End a program with all it started. sshd passes signals on for some logins only (OpenSSH 9.2: not for root)."""
    line = f"{quoted('kill')} -KILL -- -{group}"
    with contextlib.suppress(OSError, asyncssh.Error, TimeoutError):
        async with asyncio.timeout(KILL_S):
            await _run_quietly(connection, line)


async def _run_quietly(connection: asyncssh.SSHClientConnection, line: str) -> Any:
    return await connection.run(line, stdin=asyncssh.DEVNULL, stdout=asyncssh.DEVNULL, stderr=asyncssh.DEVNULL)
