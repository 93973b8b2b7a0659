"""device.*: the inventory, and the derived status of each device."""

from typing import assert_never

from schemas.device import (
    DeviceRegistered,
    DeviceRetired,
    DeviceStatusChanged,
    DeviceUpdated,
    OperatingSystem,
    Processor,
)
from sinks.timescale.rows import DeviceRow, RetirementRow, Rows, StatusRow, moment

_NO_OS = OperatingSystem()
_NO_PROCESSOR = Processor()


def project(
    event: DeviceRegistered | DeviceUpdated | DeviceRetired | DeviceStatusChanged, appended_ms: int, rows: Rows
) -> None:
    """Add what one event says of a device."""
    match event:
        case DeviceRegistered() | DeviceUpdated():
            rows.devices.append(_device(event))
        case DeviceRetired():
            rows.retirements.append(RetirementRow(event.subject, event.time, event.id, event.data.reason))
        case DeviceStatusChanged():
            rows.statuses.append(_status(event, appended_ms))
        case _:
            assert_never(event)


def _device(event: DeviceRegistered | DeviceUpdated) -> DeviceRow:
    data = event.data
    system, processor = data.os or _NO_OS, data.processor or _NO_PROCESSOR
    return DeviceRow(
        device_id=event.subject,
        observed_at=event.time,
        event_id=event.id,
        hostname=data.hostname,
        machine_id=data.machine_id,
        boot_id=data.boot_id,
        kernel=data.kernel,
        architecture=data.architecture,
        os_id=system.id,
        os_version=system.version,
        os_name=system.name,
        processor_model=processor.model,
        processor_count=processor.logical_count,
        memory_bytes=data.memory_bytes,
        agent_id=data.agent,
        agent_version=data.agent_version,
        groups=data.groups,
        parents=data.parents,
        labels=data.labels,
    )


def _status(event: DeviceStatusChanged, appended_ms: int) -> StatusRow:
    data = event.data
    return StatusRow(
        time=event.time,
        event_id=event.id,
        device_id=event.subject,
        previous=data.previous,
        status=data.status,
        reason=data.reason,
        summary=data.summary,
        since=data.since,
        clock_skew_seconds=data.clock_skew_seconds,
        failing=[one.model_dump() for one in data.failing],
        appended_at=moment(appended_ms),
    )
