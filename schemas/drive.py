"""drive.*: ATA, NVMe and SCSI drives as smartctl sees them, and how their health went.

Source of the fields: `smartctl -j -x`, smartctl(8); exit status: its section RETURN VALUES.
"""

from enum import IntFlag
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.entity import Complete, EntityChange
from schemas.envelope import Envelope
from schemas.fields import Bytes, Count, Finite, Line, Name, Part, Path, Text

Protocol = Literal["ATA", "NVMe", "SCSI"]
Percent = Annotated[int, Field(ge=0, le=100)]
DriveHealth = Literal["unknown", "healthy", "warning", "failing", "gone"]
DriveHappening = Literal[
    "appeared",
    "vanished",
    "replaced",
    "health_failed",
    "health_recovered",
    "reallocated_rose",
    "pending_rose",
    "pending_fell",
    "uncorrectable_rose",
    "media_errors_rose",
    "wear_rose",
    "spare_fell",
    "temperature_out_of_range",
    "temperature_in_range",
    "self_test_failed",
    "self_test_passed",
]


class SmartctlExit(IntFlag):
    """The bits of smartctl's exit status."""

    COMMAND_LINE = 1
    OPEN_FAILED = 2
    COMMAND_FAILED = 4
    FAILING = 8
    PREFAIL_NOW = 16
    PREFAIL_IN_PAST = 32
    ERROR_LOG = 64
    SELF_TEST_LOG = 128


class SelfTest(Part):
    """An entry of a drive's self-test log, newest first."""

    kind: Name = Field(description="Such as `Short offline` or `Extended`.")
    result: Name = Field(description="In the program's words.")
    passed: bool | None = None
    remaining_percent: Percent | None = None
    power_on_hours: Count | None = Field(default=None, description="The drive's age when the test ended.")
    first_error_block: Count | None = None


class AtaAttribute(Part):
    """A vendor attribute of an ATA drive; `value`, `worst` and `threshold` are normalised, `raw` is what it counts."""

    id: Annotated[int, Field(ge=1, le=255)]
    name: Name
    value: Annotated[int, Field(ge=0, le=255)] | None = None
    worst: Annotated[int, Field(ge=0, le=255)] | None = None
    threshold: Annotated[int, Field(ge=0, le=255)] | None = None
    raw: Count | None = None
    raw_text: Name | None = None
    prefail: bool | None = Field(default=None, description="Reaching the threshold means that the drive is failing.")
    when_failed: Name | None = Field(default=None, description="`now` or `past`; absent when it never did.")


class Drive(Part):
    """One drive; a field that it does not give is absent, and all but its identity are while it is in standby."""

    id: Name = Field(description="Its serial number, else its world wide name, else its path and type.")
    path: Path
    device_type: Name | None = Field(default=None, description="What `-d` was given, such as `sat` or `megaraid,4`.")
    protocol: Protocol | None = None
    serial: Name | None = None
    model: Name | None = None
    family: Name | None = None
    firmware: Name | None = None
    wwn: Name | None = None
    capacity_bytes: Bytes | None = None
    logical_sector_bytes: Bytes | None = None
    physical_sector_bytes: Bytes | None = None
    rotation_rpm: Annotated[int, Field(ge=0, le=100_000)] | None = Field(default=None, description="0 is solid state.")
    standby: bool = Field(default=False, description="It was asleep and was not woken.")
    exit_status: Annotated[int, Field(ge=0, le=255)] | None = Field(default=None, description="Of smartctl, by bits.")
    messages: tuple[Text, ...] = Field(default=(), description="What smartctl had to say beside the data.")
    passed: bool | None = Field(default=None, description="The drive's own verdict.")
    temperature_celsius: Finite | None = None
    temperature_limit_celsius: Finite | None = None
    power_on_hours: Count | None = None
    power_cycles: Count | None = None
    unsafe_shutdowns: Count | None = None
    reallocated_sectors: Count | None = None
    pending_sectors: Count | None = None
    uncorrectable_sectors: Count | None = None
    reported_uncorrectable: Count | None = None
    interface_crc_errors: Count | None = None
    grown_defects: Count | None = Field(default=None, description="SCSI: the grown defect list.")
    uncorrected_errors: Count | None = Field(default=None, description="SCSI: read, write and verify together.")
    media_errors: Count | None = Field(default=None, description="NVMe: media and data integrity errors.")
    error_log_entries: Count | None = None
    critical_warning: Annotated[int, Field(ge=0, le=255)] | None = Field(default=None, description="NVMe, by bits.")
    percentage_used: Annotated[int, Field(ge=0, le=255)] | None = Field(
        default=None, description="Of the endurance it was made for; above 100 it lives on borrowed time."
    )
    available_spare_percent: Percent | None = None
    available_spare_threshold_percent: Percent | None = None
    wear_percent: Percent | None = Field(default=None, description="ATA solid state: endurance used up.")
    read_bytes: Count | None = None
    written_bytes: Count | None = None
    attributes: tuple[AtaAttribute, ...] = ()
    self_tests: tuple[SelfTest, ...] = ()


class DriveObservedData(Part):
    """All drives of one device."""

    smartctl_version: Name | None = None
    drives: tuple[Drive, ...]
    complete: Complete = True


class DriveObserved(Envelope):
    """A look at a device's drives."""

    TYPE: ClassVar[str] = "infrastructor.drive.observed.v1"
    type: Literal["infrastructor.drive.observed.v1"] = "infrastructor.drive.observed.v1"
    data: DriveObservedData


class DriveHealthData(EntityChange):
    """What happened to a drive; `entity` is its `id`."""

    what: DriveHappening
    previous: DriveHealth | None = None
    status: DriveHealth
    path: Path | None = None
    serial: Name | None = None
    model: Line | None = None


class DriveHealthChanged(Envelope):
    """Something happened to a drive."""

    TYPE: ClassVar[str] = "infrastructor.drive.health_changed.v1"
    type: Literal["infrastructor.drive.health_changed.v1"] = "infrastructor.drive.health_changed.v1"
    data: DriveHealthData
