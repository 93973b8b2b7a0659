"""Samples of drives, as the OpenTelemetry semantic conventions for hardware name them, `hw.physical_disk.*`.

Where they have no name, what it counts follows `hw.physical_disk.`. The only label of identity is `hw.id`, which lasts.
"""

from collections.abc import Iterator

from collectors.drives.ata import count_of
from collectors.drives.drive import unheard
from collectors.system.samples import BYTES, CELSIUS, RATIO, SECONDS, sample
from schemas.drive import Drive, SmartctlExit
from schemas.metric import Sample

KIND = "physical_disk"
# Field of the drive, name of the sample, unit, factor.
_PLAIN = (
    ("capacity_bytes", "hw.physical_disk.size", BYTES, 1.0),
    ("power_on_hours", "hw.physical_disk.power_on_time", SECONDS, 3600.0),
    ("power_cycles", "hw.physical_disk.power_cycles", "{cycle}", 1.0),
    ("unsafe_shutdowns", "hw.physical_disk.unsafe_shutdowns", "{shutdown}", 1.0),
    ("reallocated_sectors", "hw.physical_disk.reallocated_sectors", "{sector}", 1.0),
    ("pending_sectors", "hw.physical_disk.pending_sectors", "{sector}", 1.0),
    ("uncorrectable_sectors", "hw.physical_disk.uncorrectable_sectors", "{sector}", 1.0),
    ("grown_defects", "hw.physical_disk.grown_defects", "{sector}", 1.0),
    ("error_log_entries", "hw.physical_disk.error_log_entries", "{entry}", 1.0),
    ("critical_warning", "hw.physical_disk.critical_warning", RATIO, 1.0),
)
_PERCENT = (
    ("available_spare_percent", "hw.physical_disk.available_spare"),
    ("available_spare_threshold_percent", "hw.physical_disk.available_spare.limit"),
)
_ERRORS = (
    ("reported_uncorrectable", "reported_uncorrectable"),
    ("interface_crc_errors", "interface_crc"),
    ("uncorrected_errors", "uncorrected"),
    ("media_errors", "media"),
)


def drive_samples(drive: Drive) -> Iterator[Sample]:
    """Yield what one drive measures; of one in standby only that it is."""
    labels = {"hw.id": drive.id}
    if drive.standby or not unheard(drive):
        yield sample("hw.physical_disk.standby", float(drive.standby), RATIO, labels)
    if drive.standby:
        return
    yield from _status(drive, labels)
    yield from _numbers(drive, labels)
    yield from _endurance(drive, labels)


def _numbers(drive: Drive, labels: dict[str, str]) -> Iterator[Sample]:
    if drive.temperature_celsius is not None:
        yield sample("hw.temperature", drive.temperature_celsius, CELSIUS, labels)
    if drive.temperature_limit_celsius is not None:
        yield sample("hw.temperature.limit", drive.temperature_limit_celsius, CELSIUS, labels)
    for field, name, unit, factor in _PLAIN:
        value = getattr(drive, field)
        if value is not None:
            yield sample(name, value * factor, unit, labels)
    for field, name in _PERCENT:
        value = getattr(drive, field)
        if value is not None:
            yield sample(name, value / 100, RATIO, labels)
    for field, kind in _ERRORS:
        value = getattr(drive, field)
        if value is not None:
            yield sample("hw.errors", value, "{error}", labels | {"hw.type": KIND, "error.type": kind})
    for direction, amount in (("read", drive.read_bytes), ("write", drive.written_bytes)):
        if amount is not None:
            yield sample("hw.physical_disk.io", amount, BYTES, labels | {"disk.io.direction": direction})


def _status(drive: Drive, labels: dict[str, str]) -> Iterator[Sample]:
    if drive.passed is not None:
        for state, holds in (("ok", drive.passed), ("failed", not drive.passed)):
            yield sample("hw.status", float(holds), RATIO, labels | {"hw.type": KIND, "hw.state": state})
    if drive.exit_status is not None:
        for bit in SmartctlExit:
            name = (bit.name or "").lower()
            found = float(bool(drive.exit_status & bit))
            yield sample("hw.physical_disk.smartctl_exit", found, RATIO, labels | {"smartctl.exit_bit": name})


def _endurance(drive: Drive, labels: dict[str, str]) -> Iterator[Sample]:
    used = drive.percentage_used if drive.percentage_used is not None else drive.wear_percent
    if used is not None:
        yield sample("hw.physical_disk.endurance_used", used / 100, RATIO, labels)
        left = max(0, 100 - used) / 100
        name = "hw.physical_disk.endurance_utilization"
        yield sample(name, left, RATIO, labels | {"hw.physical_disk.state": "remaining"})


def attribute_samples(drive: Drive) -> Iterator[Sample]:
    """Yield what the vendor attributes count; a name that stands for several is told with its number."""
    names = [attribute.name for attribute in drive.attributes]
    for attribute in drive.attributes:
        count = count_of(attribute)
        if count is not None:
            name = attribute.name if names.count(attribute.name) == 1 else f"{attribute.name}_{attribute.id}"
            labels = {"hw.id": drive.id, "hw.physical_disk.smart_attribute": name}
            yield sample("hw.physical_disk.smart", count, RATIO, labels)
