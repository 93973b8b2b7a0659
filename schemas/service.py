"""service.*: systemd units and timers, and what happened to them.

Source of the fields: systemctl(1) `show`, and the D-Bus interfaces in org.freedesktop.systemd1(5).
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.entity import Complete, EntityChange
from schemas.envelope import Envelope
from schemas.fields import Bytes, Count, Name, Part, Seconds, Text, UtcTime, Word

ServiceStatus = Literal["active", "inactive", "changing", "restarting", "failed", "removed"]
ServiceHappening = Literal[
    "appeared", "started", "stopped", "failed", "recovered", "restarted", "restart_loop", "removed"
]


class Service(Part):
    """One unit; a field that systemd does not give is absent. Times are those of the unit's last changes."""

    unit: Name = Field(description="With its suffix, such as `nginx.service` or `backup.timer`.")
    description: Text | None = None
    load_state: Word | None = None
    active_state: Word
    sub_state: Word | None = None
    enabled: Word | None = Field(default=None, description="UnitFileState: `enabled`, `disabled`, `static`.")
    result: Word | None = Field(default=None, description="`success`, `exit-code`, `signal`, `oom-kill`, `timeout`.")
    exit_code: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(
        default=None, description="ExecMainStatus once it ended; 128 and the number of the signal that ended it."
    )
    restarts: Count | None = Field(default=None, description="NRestarts: by systemd itself, since it was started.")
    main_pid: Count | None = None
    memory_bytes: Bytes | None = None
    cpu_seconds: Seconds | None = None
    tasks: Count | None = None
    active_since: UtcTime | None = None
    inactive_since: UtcTime | None = None
    last_run_at: UtcTime | None = Field(default=None, description="Of a timer.")
    next_run_at: UtcTime | None = Field(default=None, description="Of a timer.")
    triggers: Name | None = Field(default=None, description="The unit that a timer starts.")


class ServiceObservedData(Part):
    """The units of one device, without those that were never started and are not enabled."""

    manager: Literal["systemd"] = "systemd"
    manager_version: Name | None = None
    system_state: Word | None = Field(default=None, description="`running`, `degraded`, `maintenance`.")
    services: tuple[Service, ...]
    complete: Complete = True


class ServiceObserved(Envelope):
    """A look at a device's services."""

    TYPE: ClassVar[str] = "infrastructor.service.observed.v1"
    type: Literal["infrastructor.service.observed.v1"] = "infrastructor.service.observed.v1"
    data: ServiceObservedData


class ServiceStatusData(EntityChange):
    """What happened to a service; `entity` is its unit."""

    what: ServiceHappening
    previous: ServiceStatus | None = None
    status: ServiceStatus
    result: Word | None = None
    exit_code: int | None = None


class ServiceStatusChanged(Envelope):
    """Something happened to a service."""

    TYPE: ClassVar[str] = "infrastructor.service.status_changed.v1"
    type: Literal["infrastructor.service.status_changed.v1"] = "infrastructor.service.status_changed.v1"
    data: ServiceStatusData
