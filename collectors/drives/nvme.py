"""NVMe drives. Source: NVM Express Base Specification, SMART / Health Information (log page 02h)."""

from typing import Any

from collectors.document import Document

DATA_UNIT = 512_000
"""Bytes a data unit: thousands of 512 bytes."""
_LARGEST = 2**63 - 1


def nvme_fields(document: Document) -> dict[str, Any]:
    """Return what an NVMe drive tells beyond what all drives do."""
    health = document.at("nvme_smart_health_information_log")
    spare, threshold = health.at("available_spare").whole(), health.at("available_spare_threshold").whole()
    return {
        "critical_warning": health.at("critical_warning").whole(most=255),
        "available_spare_percent": spare if spare is not None and spare <= 100 else None,
        "available_spare_threshold_percent": threshold if threshold is not None and threshold <= 100 else None,
        "percentage_used": health.at("percentage_used").whole(most=255),
        "media_errors": health.at("media_errors").whole(),
        "error_log_entries": health.at("num_err_log_entries").whole(),
        "unsafe_shutdowns": health.at("unsafe_shutdowns").whole(),
        "power_cycles": health.at("power_cycles").whole(),
        "power_on_hours": health.at("power_on_hours").whole(),
        "read_bytes": _units(health.at("data_units_read").whole()),
        "written_bytes": _units(health.at("data_units_written").whole()),
    }


def _units(count: int | None) -> int | None:
    return count * DATA_UNIT if count is not None and count * DATA_UNIT <= _LARGEST else None
