"""container.*: Docker and Podman containers, as listed and inspected, and what happened to them.

Source of the fields: docker-inspect(1) and podman-inspect(1), `State`, `Config`, `HostConfig`, `NetworkSettings`.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.entity import Complete, EntityChange
from schemas.envelope import Envelope
from schemas.fields import Bytes, Count, Line, Name, Part, Port, Seconds, UtcTime, Word

Engine = Literal["docker", "podman"]
ContainerStatus = Literal["created", "running", "unhealthy", "paused", "restarting", "stopped", "failed", "removed"]
ContainerHappening = Literal[
    "created",
    "started",
    "stopped",
    "restarted",
    "paused",
    "unpaused",
    "out_of_memory",
    "healthy",
    "unhealthy",
    "image_changed",
    "removed",
]


class PublishedPort(Part):
    """A container's port, and where the host offers it, if it does."""

    container_port: Port
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"
    host_address: Name | None = None
    host_port: Port | None = None


class ContainerUsage(Part):
    """What a container uses, at this look or since it started."""

    cpu_utilization: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        default=None, description="Of one processor: 2.0 is two processors in full use."
    )
    memory_bytes: Bytes | None = None
    memory_limit_bytes: Bytes | None = None
    block_read_bytes: Bytes | None = None
    block_written_bytes: Bytes | None = None
    network_received_bytes: Bytes | None = None
    network_sent_bytes: Bytes | None = None
    processes: Count | None = None


class Container(Part):
    """One container; a field that the engine does not give is absent."""

    name: Name
    id: Name | None = None
    state: Word
    health: Word | None = Field(default=None, description="Of its health check; absent when it has none.")
    failing_streak: Count | None = Field(default=None, description="Health checks failed in a row.")
    exit_code: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] | None = None
    out_of_memory_killed: bool | None = None
    error: Line | None = Field(default=None, description="Why the engine could not start it.")
    restart_count: Count | None = None
    restart_policy: Word | None = None
    image: Line | None = Field(default=None, description="As it was asked for, tag included.")
    image_id: Name | None = None
    image_digest: Line | None = None
    created_at: UtcTime | None = None
    started_at: UtcTime | None = None
    finished_at: UtcTime | None = None
    uptime_seconds: Seconds | None = None
    compose_project: Name | None = None
    compose_service: Name | None = None
    ports: tuple[PublishedPort, ...] = ()
    networks: tuple[Name, ...] = ()
    usage: ContainerUsage | None = None


class ContainerObservedData(Part):
    """All containers of one engine on one device."""

    engine: Engine
    engine_version: Name | None = None
    containers: tuple[Container, ...]
    complete: Complete = True


class ContainerObserved(Envelope):
    """A look at a device's containers."""

    TYPE: ClassVar[str] = "infrastructor.container.observed.v1"
    type: Literal["infrastructor.container.observed.v1"] = "infrastructor.container.observed.v1"
    data: ContainerObservedData


class ContainerStatusData(EntityChange):
    """What happened to a container; `entity` is its name, or `project/service/name` in a compose project."""

    what: ContainerHappening
    previous: ContainerStatus | None = None
    status: ContainerStatus
    engine: Engine
    image: Line | None = None
    exit_code: int | None = None


class ContainerStatusChanged(Envelope):
    """Something happened to a container."""

    TYPE: ClassVar[str] = "infrastructor.container.status_changed.v1"
    type: Literal["infrastructor.container.status_changed.v1"] = "infrastructor.container.status_changed.v1"
    data: ContainerStatusData
