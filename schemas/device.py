"""device.*: a machine becomes known, changes, goes for good; and its status, as derived."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.fields import Bytes, Code, DeviceId, Evidence, Labels, Name, Part, Text, UtcTime

Status = Literal["unknown", "online", "degraded", "offline", "retired"]


class OperatingSystem(Part):
    """From `/etc/os-release` (os-release(5)): ID, VERSION_ID, PRETTY_NAME."""

    id: Name | None = None
    version: Name | None = None
    name: Name | None = None


class Processor(Part):
    """From `/proc/cpuinfo`: the model and how many logical processors there are."""

    model: Name | None = None
    logical_count: Annotated[int, Field(ge=1)] | None = None


class DeviceAttributes(Part):
    """What a device is; a field that the machine does not give is absent."""

    hostname: Name | None = None
    machine_id: Name | None = Field(
        default=None, description="machine-id(5); one device id from two of them is reported."
    )
    boot_id: Name | None = None
    kernel: Name | None = None
    architecture: Name | None = None
    os: OperatingSystem | None = None
    processor: Processor | None = None
    memory_bytes: Bytes | None = None
    agent: DeviceId | None = Field(default=None, description="The device whose agent observes this one.")
    agent_version: Name | None = None
    groups: tuple[Name, ...] = ()
    parents: tuple[DeviceId, ...] = ()
    labels: Labels = Field(default_factory=dict)


class DeviceRegistered(Envelope):
    """A device is watched from now on."""

    TYPE: ClassVar[str] = "infrastructor.device.registered.v1"
    type: Literal["infrastructor.device.registered.v1"] = "infrastructor.device.registered.v1"
    data: DeviceAttributes


class DeviceUpdatedData(DeviceAttributes):
    """The whole record again, and the names of the fields that changed."""

    changed: tuple[Name, ...] = ()


class DeviceUpdated(Envelope):
    """A device's attributes changed."""

    TYPE: ClassVar[str] = "infrastructor.device.updated.v1"
    type: Literal["infrastructor.device.updated.v1"] = "infrastructor.device.updated.v1"
    data: DeviceUpdatedData


class DeviceRetiredData(Part):
    """Why a device is no longer watched."""

    reason: Text


class DeviceRetired(Envelope):
    """A device is no longer watched."""

    TYPE: ClassVar[str] = "infrastructor.device.retired.v1"
    type: Literal["infrastructor.device.retired.v1"] = "infrastructor.device.retired.v1"
    data: DeviceRetiredData


class FailingCollector(Part):
    """A collector that fails, since when (event time) and with which error."""

    collector: Name
    since: UtcTime
    error_code: Code


class DeviceStatusData(Part):
    """A device's status, what it was before, and what decided it."""

    previous: Status
    status: Status
    reason: Code
    summary: Text
    since: UtcTime = Field(description="When this status began, in event time.")
    failing: tuple[FailingCollector, ...] = ()
    clock_skew_seconds: float | None = None
    groups: tuple[Name, ...] = Field(default=(), description="The device's groups, as in devices.yaml.")
    parents: tuple[DeviceId, ...] = Field(
        default=(), description="What the device depends on, the device whose agent observes it included."
    )
    evidence: tuple[Evidence, ...] = ()


class DeviceStatusChanged(Envelope):
    """A device went from one status to another."""

    TYPE: ClassVar[str] = "infrastructor.device.status_changed.v1"
    type: Literal["infrastructor.device.status_changed.v1"] = "infrastructor.device.status_changed.v1"
    data: DeviceStatusData
