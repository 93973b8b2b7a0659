"""What the agent tells of its connections on /metrics."""

from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Gauge

from runtime.metrics import PREFIX


@dataclass(frozen=True, slots=True)
class SshMetrics:
    """Connections that stand, and how attempts to connect ended (`ok`, or the error's code)."""

    connections: Gauge
    handshakes: Counter

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """Return the metrics, registered."""
        return cls(
            connections=Gauge(f"{PREFIX}ssh_connections", "SSH connections that stand.", registry=registry),
            handshakes=Counter(
                f"{PREFIX}ssh_handshakes", "Attempts to connect, by how they ended.", ["outcome"], registry=registry
            ),
        )
