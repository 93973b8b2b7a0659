"""The embedded broker: Apache Kafka, one node that is its own controller (KRaft), on loopback.

Data below one folder: `server.properties` (written at each start), `data/` (the log), `log/` (what the broker logs).
"""

import base64
import contextlib
import shutil
import signal
import socket
import struct
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.errors import LocalStackFailed
from deploy.local.jars import cache_dir, class_path
from deploy.local.java import archive_path, java
from deploy.local.leftovers import Mark
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.server import SERVERS, Server
from runtime.supervise import ChildSpec

_MIB = 1024 * 1024

# For one node on a small machine; everything else is Kafka's default.
_SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.segment.bytes": str(16 * _MIB),
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "2",
    "transaction.state.log.segment.bytes": str(16 * _MIB),
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "2",
    "group.initial.rebalance.delay.ms": "0",
    # After a kill the controller refuses the same broker until its old session is over: 9 s by default.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # Dead letters are 10 MiB at most, with room for their headers.
    "message.max.bytes": str(11 * _MIB),
    "replica.fetch.max.bytes": str(11 * _MIB),
    "log.message.timestamp.type": "LogAppendTime",
    "log.segment.bytes": str(64 * _MIB),
    "log.index.size.max.bytes": str(_MIB),
    "log.retention.check.interval.ms": "60000",
    # 128 MiB by default, half of this heap; 16 MiB is room for 600,000 keys a pass.
    "log.cleaner.dedupe.buffer.size": str(16 * _MIB),
    "num.network.threads": "2",
    "num.io.threads": "4",
    "num.recovery.threads.per.data.dir": "2",
    "background.threads": "2",
    "metric.reporters": "",
}


@dataclass(frozen=True, slots=True)
class BrokerOptions:
    """What tests vary: heap, how clients connect (`protocol`), and server properties that win over ours.

    With a protocol other than PLAINTEXT the broker keeps a second listener in plain text for itself.
    """

    heap_mb: int = 256
    protocol: str = "PLAINTEXT"
    properties: Mapping[str, str] = field(default_factory=dict)
    java_options: tuple[str, ...] = ()


class Broker(Server):
    """The broker of one data folder; on free ports unless they are given."""

    name = "broker"

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        controller_port: int | None = None,
        cache: Path | None = None,
        options: BrokerOptions | None = None,
    ) -> None:
        super().__init__(folder, port=port or free_port())
        self.controller_port = controller_port or free_port(besides=frozenset({self.port}))
        self.options = options or BrokerOptions()
        self._internal_port: int | None = None
        if self.options.protocol != "PLAINTEXT":
            self._internal_port = free_port(besides=frozenset({self.port, self.controller_port}))
        self._cache = cache or cache_dir()

    @property
    def bootstrap(self) -> str:
        """Where clients connect, `127.0.0.1:port`."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def internal_bootstrap(self) -> str:
        """Where one may connect in plain text whatever `protocol` says: the broker's own listener."""
        return f"{LOOPBACK}:{self._internal_port or self.port}"

    @property
    def properties_file(self) -> Path:
        """The server's properties, the argument of its command."""
        return self.folder / "server.properties"

    @property
    def mark(self) -> Mark:
        """Java, with our properties."""
        return Mark("java", str(self.properties_file), signal.SIGTERM)

    def make(self) -> ChildSpec:
        """Fetch and verify the jars, write the settings, format the storage once; return how to start the broker."""
        lines = (f"{name}={value}\n" for name, value in self._properties().items())
        self.properties_file.write_text("".join(lines))
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()
        return ChildSpec(
            name=self.name,
            argv=self._java(*self.options.java_options, main=("kafka.Kafka", str(self.properties_file))),
            cwd=self.folder,
            group=SERVERS,
            log=self.log,
            ready=self.wait_ready,
            parent_death_signal=signal.SIGTERM,
        )

    def answers(self) -> bool:
        """Tell whether the broker answers an ApiVersions request; it does so only once it may serve clients."""
        return api_versions_answered(self._internal_port or self.port)

    def _properties(self) -> dict[str, str]:
        listeners = {"CLIENT": (self.port, self.options.protocol), "CONTROLLER": (self.controller_port, "PLAINTEXT")}
        own = "CLIENT"
        if self._internal_port is not None:
            own = "INTERNAL"
            listeners[own] = (self._internal_port, "PLAINTEXT")
        addresses = {name: f"{name}://{LOOPBACK}:{port}" for name, (port, _) in listeners.items()}
        return {
            **_SETTINGS,
            "controller.quorum.voters": f"1@{LOOPBACK}:{self.controller_port}",
            "listeners": ",".join(addresses.values()),
            "advertised.listeners": ",".join(at for name, at in addresses.items() if name != "CONTROLLER"),
            "listener.security.protocol.map": ",".join(f"{name}:{how}" for name, (_, how) in listeners.items()),
            "inter.broker.listener.name": own,
            "log.dirs": str(self.folder / "data"),
            **self.options.properties,
        }

    def _java(self, *extra: str, main: tuple[str, ...]) -> tuple[str, ...]:
        archive = archive_path(self._cache)
        return java(
            class_path(self._cache),
            f"-Xmx{self.options.heap_mb}m",
            *((f"-XX:AOTCache={archive}",) if archive.exists() else ()),
            f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties')}",
            f"-Dinfrastructor.log={self.folder / 'log'}",
            *extra,
            main=main,
        )

    def _format(self) -> None:
        """Give the empty storage its cluster id. A format that was cut short is begun anew."""
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        arguments = ("format", "--cluster-id", cluster_id(), "--config", str(self.properties_file))
        command = self._java(main=("kafka.tools.StorageTool", *arguments))
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            last = " | ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
            raise LocalStackFailed(
                f"Kafka's storage in {self.folder} could not be formatted: {last}", operation="format"
            )


def cluster_id() -> str:
    """Return a random id as Kafka writes them: a UUID in URL-safe base64, not beginning with `-`, an option's mark."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def api_versions_answered(port: int) -> bool:
    """Send ApiVersions v0 (api key 18, Kafka protocol guide) to 127.0.0.1 and tell whether an answer comes in 2 s."""
    request = struct.pack(">hhih", 18, 0, 1, -1)
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=2.0) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        # Size, our correlation id (1), error code (0).
        return connection.recv(10, socket.MSG_WAITALL)[4:] == struct.pack(">ih", 1, 0)
    return False
