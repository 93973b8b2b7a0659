"""packages.*: updates that wait on a device, and whether it wants a reboot."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.entity import EntityChange
from schemas.envelope import Envelope
from schemas.fields import Count, Name, Part, Text, UtcTime

PackageManager = Literal["apt", "dnf", "apk", "pacman"]
PackagesStatus = Literal["unknown", "current", "updates_waiting", "security_updates_waiting", "reboot_required"]
PackagesHappening = Literal[
    "updates_waiting", "security_updates_waiting", "updated", "reboot_required", "rebooted", "index_stale"
]


class PackageUpdate(Part):
    """A package that could be newer."""

    name: Name
    installed: Name | None = None
    available: Name
    security: bool | None = Field(default=None, description="Absent when the package manager does not tell.")
    origin: Name | None = None


class PackagesObservedData(Part):
    """What waits on one device; the counts hold even when the list was cut."""

    manager: PackageManager
    updates_count: Count
    security_count: Count | None = Field(default=None, description="Absent when the package manager does not tell.")
    updates: tuple[PackageUpdate, ...] = ()
    reboot_required: bool | None = None
    reboot_because: tuple[Name, ...] = Field(default=(), description="Packages that ask for it.")
    running_kernel: Name | None = None
    installed_kernel: Name | None = None
    index_updated_at: UtcTime | None = Field(default=None, description="When the package index was last fetched.")
    note: Text | None = None


class PackagesObserved(Envelope):
    """A look at a device's packages."""

    TYPE: ClassVar[str] = "infrastructor.packages.observed.v1"
    type: Literal["infrastructor.packages.observed.v1"] = "infrastructor.packages.observed.v1"
    data: PackagesObservedData


class PackagesStatusData(EntityChange):
    """What happened to a device's packages; `entity` is the package manager."""

    what: PackagesHappening
    previous: PackagesStatus | None = None
    status: PackagesStatus
    updates_count: Count | None = None
    security_count: Count | None = None


class PackagesStatusChanged(Envelope):
    """What waits on a device changed."""

    TYPE: ClassVar[str] = "infrastructor.packages.status_changed.v1"
    type: Literal["infrastructor.packages.status_changed.v1"] = "infrastructor.packages.status_changed.v1"
    data: PackagesStatusData
