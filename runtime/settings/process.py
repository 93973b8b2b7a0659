"""How processes are started, restarted and stopped."""

from typing import ClassVar

from pydantic import Field

from runtime.settings.concern import Concern


class ProcessSettings(Concern):
    """Processes: how long one may drain, and how `infrastructor up` restarts its children."""

    group: ClassVar[str] = "PROCESS"
    title: ClassVar[str] = "Processes"

    drain_s: float = Field(
        10, ge=1, le=300, description="After SIGTERM, seconds until a process must have left.", examples=["10"]
    )
    restart_first_s: float = Field(
        0.5, ge=0.05, le=60, description="Wait before the first restart of a child.", examples=["0.5"]
    )
    restart_longest_s: float = Field(
        30, ge=0.05, le=600, description="Longest wait before a restart of a child.", examples=["30"]
    )
    healthy_after_s: float = Field(
        60, ge=0.1, le=3600, description="A child that ran so long starts again with the first wait.", examples=["60"]
    )
