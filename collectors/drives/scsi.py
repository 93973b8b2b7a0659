"""SCSI and SAS drives. Source: SPC-4 and SBC-3 log pages, in the words of smartctl's JSON."""

import re
from typing import Any

from collectors.document import Document

_GIGABYTES = re.compile(r"([0-9]{1,10})\.([0-9]{3})")


def scsi_fields(document: Document) -> dict[str, Any]:
    """Return what a SCSI drive tells beyond what all drives do."""
    log = document.at("scsi_error_counter_log")
    uncorrected = [log.at(kind, "total_uncorrected_errors").whole() for kind in ("read", "write", "verify")]
    counted = [count for count in uncorrected if count is not None]
    used = document.at("scsi_percentage_used_endurance_indicator").whole(most=255)
    if used is None:
        used = document.at("endurance_used", "current_percent").whole(most=255)
    return {
        "grown_defects": document.at("scsi_grown_defect_list").whole(),
        "uncorrected_errors": sum(counted) if counted else None,
        "percentage_used": used,
        # Named without `scsi_` up to smartctl 7.2.
        "pending_sectors": _first(
            document.at("scsi_pending_defects", "count").whole(), document.at("pending_defects", "count").whole()
        ),
        "read_bytes": _bytes(log.at("read", "gigabytes_processed")),
        "written_bytes": _bytes(log.at("write", "gigabytes_processed")),
    }


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _bytes(gigabytes: Document) -> int | None:
    """Return bytes of `64396.534`, thousands of millions of bytes."""
    match = _GIGABYTES.fullmatch(gigabytes.text() or "")
    if match is None:
        return None
    return int(match[1]) * 10**9 + int(match[2]) * 10**6
