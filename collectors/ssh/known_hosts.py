"""Which host keys were accepted: the files of known_hosts, in the form of sshd(8), SSH_KNOWN_HOSTS FILE FORMAT."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import asyncssh
from asyncssh.known_hosts import SSHKnownHosts
from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

from collectors.ssh.target import PORT


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one host: its keys, the authorities that may vouch for it, what was revoked."""

    keys: tuple[asyncssh.SSHKey, ...] = ()
    authorities: tuple[asyncssh.SSHKey, ...] = ()
    revoked: tuple[asyncssh.SSHKey, ...] = ()

    @property
    def algorithms(self) -> list[str]:
        """The host key algorithms to offer: those of known keys first, or a device with several kinds of keys would
        show one that nobody knows. Certificates only where an authority is known."""
        wanted = list(get_default_certificate_algs()) if self.authorities else []
        for key in self.keys:
            wanted += key.sig_algorithms
        wanted += get_default_public_key_algs()
        return [algorithm.decode("ascii") for algorithm in dict.fromkeys(wanted)]


class KnownHosts:
    """The files, read again when they change. A line that cannot be read is left out: it accepts nothing."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = tuple(files)
        self._read: SSHKnownHosts | None = None
        self._seen: tuple[tuple[int, int] | None, ...] = ()

    def of(self, host: str, port: int) -> Known:
        """Return what is known of a host. Reads the files when they changed: a few milliseconds."""
        seen = tuple(_stamp(file) for file in self.files)
        if self._read is None or seen != self._seen:
            self._read, self._seen = _load(self.files), seen
        keys, authorities, revoked, *_ = self._read.match(host, "", None if port == PORT else port)
        return Known(tuple(keys), tuple(authorities), tuple(revoked))


def line_of(host: str, port: int, key: asyncssh.SSHKey) -> str:
    """Return the line that accepts a key for a host."""
    name = host if port == PORT else f"[{host}]:{port}"
    return f"{name} {key.export_public_key().decode('ascii').strip()}\n"


def fingerprint(key: asyncssh.SSHKey) -> str:
    """Return kind and fingerprint of a key, as ssh-keygen -l shows it."""
    return f"{key.algorithm.decode('ascii')} {key.get_fingerprint()}"


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _load(files: Iterable[Path]) -> SSHKnownHosts:
    known = SSHKnownHosts()
    for file in files:
        try:
            text = file.read_text(errors="replace")
        except OSError:
            continue
        for line in text.splitlines():
            with contextlib.suppress(ValueError):
                known.load(line)
    return known
