"""ATA drives: vendor attributes and device statistics.

Source of the format: smartctl(8), options `-A` and `-l devstat`; ACS-4 (INCITS 529), section 9.5, device statistics;
names of vendor attributes as in smartmontools' drivedb.h. Vendors number and count as they like: what an attribute
means goes by its name, and its count is what smartctl prints first of it.
"""

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

from collectors.document import Document
from schemas.drive import AtaAttribute

_LEADING = re.compile(r"[0-9]{1,19}(?= |$)")
# Their normalised value starts at 100 and falls to what is left of the drive's life.
_LIFE_LEFT = re.compile(
    r"Wear_Leveling_Count|SSD_Life_Left.*|Perc(?:ent)?_(?:Rated_Life|Lifetime)_(?:Used|Remain.*)|Percent_Life_Remaining"
    r"|Remaining_Lifetime_Perc|Lifetime_Left|Lifetime_Remaining.*|Drive_Life_Remaining.*"
)
_SPARE_LEFT = re.compile(r"Available_Reserv.*|Perc_Avail_Resrvd_Space")
_UNSAFE = re.compile(r"Unsafe_Shutdown_Count|Unexpect(?:ed)?_Power_Loss.*")
_WRITTEN = re.compile(r"(?:Host|Lifetime)_Writes_(32MiB|GiB|MiB)|Total_(LBA)s_Written")
_READ = re.compile(r"(?:Host|Lifetime)_Reads_(32MiB|GiB|MiB)|Total_(LBA)s_Read")
_UNITS = {"32MiB": 32 * 2**20, "GiB": 2**30, "MiB": 2**20}
_LARGEST = 2**63 - 1
_MOST = 255

Fields = dict[str, Any]


def read_attributes(document: Document) -> tuple[AtaAttribute, ...]:
    """Read the table of vendor attributes."""
    rows = islice(document.at("ata_smart_attributes", "table").items(), _MOST)
    return tuple(_attribute(row) for row in rows)


def _attribute(row: Document) -> AtaAttribute:
    number = row.at("id").whole(least=1, most=255)
    if number is None:
        raise row.at("id").wrong("the number of an attribute")
    return AtaAttribute(
        id=number,
        name=row.at("name").text() or f"Attribute_{number}",
        value=row.at("value").whole(most=255),
        worst=row.at("worst").whole(most=255),
        threshold=row.at("thresh").whole(most=255),
        raw=row.at("raw", "value").whole(),
        raw_text=row.at("raw", "string").text(),
        prefail=row.at("flags", "prefailure").flag(),
        when_failed=row.at("when_failed").text(),
    )


def count_of(attribute: AtaAttribute) -> int | None:
    """Return what an attribute counts: many pack more into its 48 bits, and smartctl prints the count first."""
    leading = _LEADING.match(attribute.raw_text or "")
    if leading is not None:
        count = int(leading[0])
        return count if count <= _LARGEST else None
    return attribute.raw if attribute.raw_text is None else None


def ata_fields(document: Document) -> Fields:
    """Return what an ATA drive tells beyond what all drives do."""
    attributes = read_attributes(document)
    statistics = _statistics(document)
    sector = document.at("logical_block_size").whole() or 512
    solid = document.at("rotation_rate").whole() in (None, 0)
    used = statistics.get((7, 8))
    told_hours = document.at("power_on_time", "hours").whole()
    return {
        "attributes": attributes,
        "power_on_hours": told_hours if told_hours is not None else _counted(attributes, 9, "Power_On_Hours"),
        "reallocated_sectors": _first(_counted(attributes, 5, "Reallocat", "Retired_Block"), statistics.get((3, 32))),
        "pending_sectors": _first(
            _counted(attributes, 197, "Current_Pending", "Pending_Sector", "Total_Pending"),
            document.at("ata_pending_defects_log", "count").whole(),
        ),
        "uncorrectable_sectors": _counted(
            attributes, 198, "Offline_Uncorrect", "Total_Offl_Uncorrect", "Uncorrectable"
        ),
        "reported_uncorrectable": _first(
            statistics.get((4, 8)), _counted(attributes, 187, "Reported_U", "Uncorrectable_Error")
        ),
        "interface_crc_errors": _first(
            _counted(attributes, 199, "UDMA_CRC", "CRC_Error", "SATA_CRC", "Interface_CRC"), statistics.get((6, 24))
        ),
        "unsafe_shutdowns": _named(attributes, _UNSAFE),
        "error_log_entries": _first(
            document.at("ata_smart_error_log", "extended", "count").whole(),
            document.at("ata_smart_error_log", "summary", "count").whole(),
        ),
        "percentage_used": used if used is not None and used <= 255 else None,
        "wear_percent": (_wear(attributes) if used is None else min(100, used)) if solid else None,
        **(_spare(attributes) if solid else {}),
        "written_bytes": _first(_sectors(statistics.get((1, 24)), sector), _amount(attributes, _WRITTEN, document)),
        "read_bytes": _first(_sectors(statistics.get((1, 40)), sector), _amount(attributes, _READ, document)),
    }


def _statistics(document: Document) -> dict[tuple[int, int], int]:
    """Return device statistics by page and offset, those that the drive marks as valid."""
    found: dict[tuple[int, int], int] = {}
    for page in document.at("ata_device_statistics", "pages").items():
        number = page.at("number").whole()
        for row in page.at("table").items():
            offset, value = row.at("offset").whole(), row.at("value").whole(least=-(2**63))
            valid = row.at("flags", "valid").flag()
            if number is not None and offset is not None and value is not None and value >= 0 and valid is not False:
                found[number, offset] = value
    return found


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _counted(attributes: Iterable[AtaAttribute], number: int, *names: str) -> int | None:
    for attribute in attributes:
        if attribute.id == number and attribute.name.startswith(names):
            return count_of(attribute)
    return None


def _named(attributes: Iterable[AtaAttribute], name: re.Pattern[str]) -> int | None:
    for attribute in attributes:
        if name.fullmatch(attribute.name):
            return count_of(attribute)
    return None


def _wear(attributes: Iterable[AtaAttribute]) -> int | None:
    for attribute in attributes:
        # Silicon Motion counts the percent that are left; the normalised value stays at 100.
        left = count_of(attribute) if (attribute.id, attribute.name) == (169, "Remaining_Lifetime_Perc") else None
        if left is not None and 0 < left <= 100:
            return 100 - left
        # Of Media_Wearout_Indicator only Intel's, which is 233, is known to fall from 100.
        known = _LIFE_LEFT.fullmatch(attribute.name) or (attribute.id, attribute.name) == (
            233,
            "Media_Wearout_Indicator",
        )
        if known and attribute.value is not None and attribute.value <= 100:
            return 100 - attribute.value
    return None


def _spare(attributes: Iterable[AtaAttribute]) -> Fields:
    for attribute in attributes:
        value, threshold = attribute.value, attribute.threshold
        if _SPARE_LEFT.fullmatch(attribute.name) and value is not None and value <= 100:
            kept = threshold if threshold is not None and 0 < threshold <= 100 else None
            return {"available_spare_percent": value, "available_spare_threshold_percent": kept}
    return {}


def _sectors(count: int | None, size: int) -> int | None:
    return count * size if count is not None and count * size <= _LARGEST else None


def _amount(attributes: Iterable[AtaAttribute], name: re.Pattern[str], document: Document) -> int | None:
    """Return bytes read or written; in whose unit an unknown drive counts `LBAs` is anybody's guess."""
    known = document.at("in_smartctl_database").flag() is True
    sector = document.at("logical_block_size").whole() or 512
    for attribute in attributes:
        match = name.fullmatch(attribute.name)
        if match is None or (match[2] and not known):
            continue
        return _sectors(count_of(attribute), _UNITS[match[1]] if match[1] else sector)
    return None
