"""Where a process shows its metrics and its health."""

from typing import ClassVar

from pydantic import Field

from runtime.settings.concern import Concern


class HttpSettings(Concern):
    """HTTP: the port of `/metrics`, `/healthz` and `/readyz`."""

    group: ClassVar[str] = "HTTP"
    title: ClassVar[str] = "Metrics and health over HTTP"

    host: str = Field("127.0.0.1", description="Address to listen on.", examples=["0.0.0.0"])  # noqa: S104
    port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port; 0 takes a free one, not set: each process has its own.",
        examples=["9464"],
    )
    enabled: bool = Field(True, description="Whether to listen at all.", examples=["true"])  # noqa: FBT003
