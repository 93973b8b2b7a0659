"""How devices are reached. SSH is loaded with the first device that needs it: 28 MB."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from collectors.guarded import CircuitMetrics, GuardedTransport
from collectors.ssh.settings import SshSettings, known_hosts_files
from collectors.ssh.target import Target
from collectors.transport import Transport

if TYPE_CHECKING:
    from collectors.ssh.pool import SshPool


class Reach:
    """One an agent: its devices share a pool."""

    def __init__(self, settings: SshSettings, *, data_dir: Path, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._registry = registry
        self._circuits = CircuitMetrics.on(registry)
        self._pool: SshPool | None = None

    def transport(self, target: Target, device: str) -> Transport:
        """Return the way to a device, behind a circuit breaker. Nothing is connected yet. Call in the event loop."""
        from collectors.ssh.transport import SshTransport  # noqa: PLC0415

        inner = SshTransport(self.pool(), target)
        return GuardedTransport(inner, device, monotonic=time.monotonic, metrics=self._circuits)

    def pool(self) -> SshPool:
        """Return the pool of connections, made when it is first asked for."""
        if self._pool is None:
            from collectors.ssh.known_hosts import KnownHosts  # noqa: PLC0415
            from collectors.ssh.metrics import SshMetrics  # noqa: PLC0415
            from collectors.ssh.pool import SshPool  # noqa: PLC0415

            known_hosts = KnownHosts(known_hosts_files(self._settings, self._data_dir))
            self._pool = SshPool(self._settings, known_hosts, SshMetrics.on(self._registry))
        return self._pool

    async def close(self) -> None:
        """Close all connections. May be called twice."""
        if self._pool is not None:
            await self._pool.close()
