"""The settings of the agent."""

import re
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator

from collectors.request import FileSet
from collectors.spool.limits import MIB, SpoolLimits
from runtime.settings import Concern
from runtime.settings.concern import CommaList
from schemas.fields import DEVICE_ID_PATTERN

LEAST_INTERVAL_S = 0.1
LARGEST_INTERVAL_S = 31 * 86_400
_SOCKET = re.compile(r"/[^\x00-\x1f\x7f]{1,106}")
"""As long as the address of a socket may be: unix(7)."""
_INTERVAL = re.compile(r"([a-z][a-z0-9_]{0,63})=([0-9]{1,7}(?:\.[0-9]{1,3})?)")


class AgentSettings(Concern):
    """Agent: what it looks at, how often, and how much it keeps while Kafka is away."""

    group: ClassVar[str] = "AGENT"
    title: ClassVar[str] = "Agent"

    device_id: str | None = Field(
        None, description="The id of this machine; its host name when not set.", examples=["nas-1"]
    )
    interval_s: float = Field(
        10, ge=0.1, le=86_400, description="Seconds between two looks of the system collector.", examples=["10"]
    )
    identity_interval_s: float = Field(
        300, ge=1, le=86_400, description="Seconds between two looks at what the machine is.", examples=["300"]
    )
    per_cpu: bool = Field(
        False,  # noqa: FBT003
        description="Whether processor time is told of each processor, too.",
        examples=["true"],
    )
    collectors: CommaList = Field(
        (),
        description="The collectors that are on; all when not set. One that does not apply to a machine is skipped.",
        examples=["identity,system,drives"],
    )
    intervals: CommaList = Field(
        (),
        description="Seconds between two looks of a collector, where it shall be another number than its own.",
        examples=["containers=15,drives=7200"],
    )
    proxy_configs: CommaList = Field(
        (),
        description="Files of SWAG or nginx to read, `*` allowed; SWAG's own and the system nginx's when not set.",
        examples=["/opt/swag/nginx/proxy-confs/*.conf"],
    )
    compose_files: CommaList = Field(
        (),
        description="Compose files to read beside running containers' own, `*` allowed; /opt and /srv when not set.",
        examples=["/opt/*/compose.yaml,/opt/*/compose.yml"],
    )
    container_sockets: CommaList = Field(
        (),
        description="Sockets of Docker or Podman to ask for this machine's containers, instead of their programs.",
        examples=["/var/run/docker.sock"],
    )
    raw_dir: Path | None = Field(
        None,
        description="A folder to keep the raw output of every look in, for a report: it may hold secrets.",
        examples=["raw"],
    )
    raw_bytes: int = Field(
        256 * MIB,
        ge=MIB,
        description="Bytes that the raw output may take on the disk; then the oldest of it is removed.",
        examples=["268435456"],
    )
    host_root: str = Field(
        "",
        pattern=r"^(/[^\x00]*)?$",
        description="Where the machine's root is mounted, for an agent in a container: files are read below it.",
        examples=["/host"],
    )
    remote_interval_s: float = Field(
        30,
        ge=0.1,
        le=86_400,
        description="Seconds between two looks of the system collector at a device over SSH.",
        examples=["30"],
    )
    devices_file: Path | None = Field(
        None,
        description="The list of devices to watch over SSH; devices.yaml of the data folder when not set.",
        examples=["/etc/infrastructor/devices.yaml"],
    )
    groups: CommaList = Field((), description="Groups that this machine belongs to.", examples=["storage,rack-2"])
    spool_bytes: int = Field(
        1024 * MIB,
        ge=MIB,
        description="Bytes that the spool may hold; then the oldest metrics are dropped.",
        examples=["1073741824"],
    )
    spool_metrics_days: float = Field(
        7, gt=0, le=3650, description="Metrics that waited for longer are dropped.", examples=["7"]
    )
    flush_s: float = Field(
        3, ge=0, le=60, description="After SIGTERM, seconds to send what waits in the spool.", examples=["3"]
    )

    @field_validator("device_id")
    @classmethod
    def _id(cls, value: str | None) -> str | None:
        if value is not None and re.match(DEVICE_ID_PATTERN, value) is None:
            raise ValueError("is no device id: up to 63 of a-z 0-9 . _ -, the first a letter or a digit")
        return value

    @field_validator("proxy_configs", "compose_files")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        FileSet(value)
        return value

    @field_validator("container_sockets")
    @classmethod
    def _sockets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if _SOCKET.fullmatch(one) is None:
                raise ValueError(f"{one!r} is not the absolute path of a socket: /var/run/docker.sock")
        return value

    @field_validator("intervals")
    @classmethod
    def _seconds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            match = _INTERVAL.fullmatch(one)
            if match is None or not LEAST_INTERVAL_S <= float(match[2]) <= LARGEST_INTERVAL_S:
                raise ValueError(f"{one!r} is not a collector and seconds, up to {LARGEST_INTERVAL_S}: containers=15")
        return value

    def interval_of(self, collector: str, default_s: float) -> float:
        """Return the seconds between two looks of a collector; `default_s` when nothing is set for it."""
        return {name: float(seconds) for name, _, seconds in (one.partition("=") for one in self.intervals)}.get(
            collector, default_s
        )

    @property
    def over_ssh(self) -> "AgentSettings":
        """The settings as they hold for devices over SSH."""
        return self.model_copy(update={"interval_s": self.remote_interval_s, "container_sockets": ()})

    @property
    def limits(self) -> SpoolLimits:
        """The bounds of the spool."""
        return SpoolLimits(max_bytes=self.spool_bytes, max_metrics_age=timedelta(days=self.spool_metrics_days))


def spool_path(data_dir: Path) -> Path:
    """Return where the agent's spool is within the data folder."""
    return data_dir / "agent" / "spool.db"


def socket_path(data_dir: Path) -> Path:
    """Return where the running agent answers operators, within the data folder."""
    return data_dir / "agent" / "agent.sock"
