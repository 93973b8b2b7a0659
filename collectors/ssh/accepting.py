"""Accepting a host key: fetch what a device shows, and write it down. The decision is a person's."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import asyncssh
from asyncssh.known_hosts import SSHKnownHosts

from collectors.errors import ConnectTimedOut, HandshakeFailed, LookUnreachable
from collectors.ssh.connecting import unreachable
from collectors.ssh.known_hosts import KnownHosts, fingerprint, line_of
from collectors.ssh.pool import SshPool
from collectors.ssh.target import PORT, Target
from runtime.errors import InputInvalid

OPERATION = "accept host key"


@dataclass(frozen=True, slots=True)
class Shown:
    """The key that a device shows, and those that were accepted for it before."""

    target: Target
    key: asyncssh.SSHKey
    before: tuple[asyncssh.SSHKey, ...]

    @property
    def fingerprint(self) -> str:
        """Kind and fingerprint of the key."""
        return fingerprint(self.key)

    @property
    def known(self) -> bool:
        """Whether this key was accepted before."""
        return self.key in self.before


async def shown_key(pool: SshPool, target: Target) -> Shown:
    """Return the key that a device shows now; over its jump host when it has one. Raises LookUnreachable."""
    known = pool.known_hosts.of(target.host, target.port)
    jump = pool.hold(target.jump) if target.jump is not None else None
    try:
        tunnel = await jump.connection() if jump is not None else ()
        async with asyncio.timeout(pool.settings.connect_s):
            key = await asyncssh.get_server_host_key(target.host, target.port, tunnel=tunnel, config=None)
    except TimeoutError:
        raise ConnectTimedOut(f"{target.address} did not answer in {pool.settings.connect_s:g} s") from None
    except LookUnreachable:
        raise
    except (OSError, asyncssh.Error) as error:
        raise unreachable(error, target) from error
    if key is None:
        raise HandshakeFailed(f"{target.address} shows no key", operation=OPERATION)
    return Shown(target, key, known.keys)


def accept(known_hosts: KnownHosts, shown: Shown) -> tuple[Path, ...]:
    """Write a key into the first file of accepted keys, in the place of others there for this host.

    Return the other files that still accept an older key. Blocks. Raises InputInvalid when it cannot be written.
    """
    target = shown.target
    file = known_hosts.files[0]
    kept = [line for line in _lines(file) if not _accepts(line, target)]
    _write(file, "".join(f"{line}\n" for line in kept) + line_of(target.host, target.port, shown.key))
    return tuple(
        other for other in known_hosts.files[1:] if any(_accepts(line, target, but=shown.key) for line in _lines(other))
    )


def _accepts(line: str, target: Target, but: asyncssh.SSHKey | None = None) -> bool:
    """Tell whether a line accepts a key for this host and port by name; authorities are another matter."""
    if line.startswith(("@", "#")) or not line.strip():
        return False
    known = SSHKnownHosts()
    with contextlib.suppress(ValueError):
        known.load(line)
    keys = known.match(target.host, "", None if target.port == PORT else target.port)[0]
    named = target.port == PORT or f":{target.port}" in line.split(maxsplit=1)[0] or line.startswith("|")
    return named and any(key != but for key in keys)


def _lines(file: Path) -> Iterable[str]:
    try:
        return file.read_text(errors="replace").splitlines()
    except OSError:
        return ()


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        target = file.resolve()
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            written.write(text)
            written.flush()
            # No secret: the agent may run as another user.
            os.fchmod(written.fileno(), 0o644)
            os.fsync(written.fileno())
        Path(name).replace(target)
    except OSError as error:
        raise InputInvalid(f"{file}: cannot be written ({error.strerror})", operation=OPERATION) from error
