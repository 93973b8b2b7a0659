"""One connection to one device: host key checked, logged in; whatever goes wrong is one of our own errors."""

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncssh

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
    LookUnreachable,
    NameUnknown,
)
from collectors.ssh.known_hosts import Known, KnownHosts, fingerprint
from collectors.ssh.settings import SshSettings
from collectors.ssh.target import Target
from collectors.ssh.way import Step, Way

_ERRNO = re.compile(r"\[Errno (\d+)\]")
OPERATION = "connect"
WINDOW_BYTES = 256 * 1024
"""What a device may send before we have read: with 500 devices that flood us, what counts."""


class _Owner(asyncssh.SSHClient):
    """Sees the host key that was not accepted."""

    def __init__(self) -> None:
        self.shown: asyncssh.SSHKey | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Never accept a key here: it is only remembered, for the message."""
        self.shown = key
        return False


class Attempt:
    """One attempt to connect; `step` tells how far it is, for those who wait no longer."""

    def __init__(self, target: Target, settings: SshSettings, turns: asyncio.Semaphore) -> None:
        self.target = target
        self.step = Step.CONNECTING
        self._settings = settings
        self._turns = turns

    async def run(
        self, known_hosts: KnownHosts, jump: asyncssh.SSHClientConnection | None
    ) -> asyncssh.SSHClientConnection:
        """Return the connection. Raises LookUnreachable and its kinds."""
        known = known_hosts.of(self.target.host, self.target.port)
        owner = _Owner()
        options = await self._options(known, owner)
        with self._translated(known, owner, jump is not None):
            async with self._timed() as reached:
                way = Way(self.target, jump, reached)
                return await asyncssh.connect(
                    self.target.host, self.target.port, tunnel=way, options=options, config=None
                )

    async def _options(self, known: Known, owner: _Owner) -> asyncssh.SSHClientConnectionOptions:
        key = self.target.key_file
        ways: dict[str, object] = {}
        if key is not None and key.endswith(".pub"):
            ways = {"agent_identities": [key]}
        elif key is not None:
            ways = {"client_keys": [key], "agent_path": None}
        if self.target.user is not None:
            ways["username"] = self.target.user
        try:
            made: asyncssh.SSHClientConnectionOptions = await asyncssh.SSHClientConnectionOptions.construct(
                config=None,
                client_factory=lambda: owner,
                known_hosts=(list(known.keys), list(known.authorities), list(known.revoked)),
                server_host_key_algs=known.algorithms,
                preferred_auth=("publickey",),
                keepalive_interval=self._settings.keepalive_s,
                window=WINDOW_BYTES,
                **ways,
            )
            return made
        except (OSError, ValueError, asyncssh.Error) as error:
            hint = "" if isinstance(error, OSError) else ": one with a passphrase belongs into ssh-agent"
            raise KeyUnusable(
                f"{self.target.address}: the key {key or 'of this user'} cannot be used ({_text(error)}){hint}",
                operation=OPERATION,
            ) from error

    @asynccontextmanager
    async def _timed(self) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Bound each step: connecting, and the handshake once its turn has come."""
        loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as stack:
            timer = await stack.enter_async_context(asyncio.timeout(self._settings.connect_s))

            async def reached() -> None:
                self.step = Step.WAITING
                timer.reschedule(None)
                await stack.enter_async_context(self._turns)
                self.step = Step.HANDSHAKE
                timer.reschedule(loop.time() + self._settings.handshake_s)

            yield reached

    @contextmanager
    def _translated(self, known: Known, owner: _Owner, jumped: bool) -> Iterator[None]:  # noqa: FBT001
        where = self.target.address
        try:
            yield
        except TimeoutError:
            raise self._late() from None
        except asyncssh.HostKeyNotVerifiable as error:
            raise _host_key_error(self.target, known, owner.shown, _text(error)) from error
        except asyncssh.PermissionDenied as error:
            held = (self.target.key or "").endswith(".pub")
            raise LoginRefused(
                f"{where} does not let {self.target.user or 'this user'} in with "
                f"{self.target.key or 'the keys of ssh-agent and ~/.ssh'}: the public key belongs into "
                f"~/.ssh/authorized_keys there{', its private half into ssh-agent here' if held else ''}",
                operation=OPERATION,
            ) from error
        except asyncssh.ChannelOpenError as error:
            kind = ConnectionRefused if jumped else ConnectionLost
            raise kind(f"{where} is not reached over the jump host ({_text(error)})", operation=OPERATION) from error
        except (asyncssh.Error, ValueError, OverflowError, OSError) as error:
            raise unreachable(error, self.target) from error

    def _late(self) -> LookFailed:
        if self.step is Step.CONNECTING:
            return ConnectTimedOut(
                f"{self.target.address} took no connection, or said nothing, in {self._settings.connect_s:g} s",
                operation=OPERATION,
            )
        return ConnectTimedOut(
            f"{self.target.address} did not finish the handshake in {self._settings.handshake_s:g} s",
            operation=OPERATION,
        )


def unreachable(error: Exception, target: Target) -> LookUnreachable:
    """Return our error for one of the network's or of asyncssh's."""
    match error:
        case asyncssh.ConnectionLost() | ConnectionResetError() | BrokenPipeError():
            return ConnectionLost(f"{target.address} closed the connection ({_text(error)})", operation=OPERATION)
        case socket.gaierror():
            return NameUnknown(f"{target.host} has no address ({_text(error)})", operation=OPERATION)
        case OverflowError():
            # A port beyond 65535, which the system's own calls cannot take.
            return ConnectionRefused(f"{target.address}: there is no such port", operation=OPERATION)
        case OSError():
            return ConnectionRefused(f"{target.address}: {_text(error)}", operation=OPERATION)
        case _:
            return HandshakeFailed(f"{target.address}: {_text(error)}", operation=OPERATION)


def _host_key_error(target: Target, known: Known, shown: asyncssh.SSHKey | None, why: str) -> LookUnreachable:
    command = f"infrastructor devices trust {target.called}"
    if shown is None:
        return HostKeyRefused(f"the host key of {target.address} is refused: {why}", operation=OPERATION)
    if known.keys:
        before = ", ".join(fingerprint(key) for key in known.keys)
        return HostKeyChanged(
            f"the host key of {target.address} changed from {before} to {fingerprint(shown)}: was the device installed "
            f"anew, or does another one answer? Only if you know why: {command} --replace",
            operation=OPERATION,
            fingerprint=fingerprint(shown),
        )
    return HostKeyUnknown(
        f"the host key of {target.address} is unknown: {fingerprint(shown)}. If that is the device's own key, "
        f"accept it with: {command}",
        operation=OPERATION,
        fingerprint=fingerprint(shown),
    )


def _text(error: BaseException) -> str:
    if isinstance(error, OSError):
        # asyncio puts words of its own in the place of the system's, and those of several addresses into one text.
        numbers = [error.errno] if error.errno else [int(one) for one in _ERRNO.findall(str(error))]
        if numbers and all(number > 0 for number in numbers):
            return ", ".join(dict.fromkeys(os.strerror(number).lower() for number in numbers))
        if error.strerror:
            return error.strerror.lower()
    return str(error) or type(error).__name__
