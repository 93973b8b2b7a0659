"""Transports to the sshd of a test."""

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry

from collectors.ssh.known_hosts import KnownHosts
from collectors.ssh.metrics import SshMetrics
from collectors.ssh.pool import SshPool
from collectors.ssh.settings import SshSettings
from collectors.ssh.target import Target
from collectors.ssh.transport import SshTransport
from tests.sshd import HOST, Sshd


def pool_for(server: Sshd, **settings: Any) -> SshPool:
    return SshPool(SshSettings(**settings), KnownHosts([server.known_hosts]), SshMetrics.on(CollectorRegistry()))


def target_of(server: Sshd, **fields: Any) -> Target:
    given: Mapping[str, Any] = {"host": HOST, "port": server.port, "key": str(server.key), **fields}
    return Target(**given)


def ssh_transport(server: Sshd, pool: SshPool | None = None, **fields: Any) -> SshTransport:
    return SshTransport(pool or pool_for(server), target_of(server, **fields))
