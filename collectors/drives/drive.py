"""One drive, out of one answer of `smartctl -j -x -n standby`.

Source of the format: smartctl(8), option `-j`, and smartmontools' ataprint.cpp, nvmeprint.cpp, scsiprint.cpp.
"""

import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from pydantic import ValidationError

from collectors.document import Document
from collectors.drives.ata import ata_fields
from collectors.drives.links import Named
from collectors.drives.nvme import nvme_fields
from collectors.drives.scsi import scsi_fields
from collectors.drives.self_tests import read_self_tests
from collectors.errors import ParseError
from schemas.drive import Drive, Protocol, SmartctlExit

# `Device is in STANDBY mode, exit(2)`, `SLEEP`, `STANDBY_Y`, `STANDBY BY TIMER`, `STANDBY (OS)`: not opened further.
_ASLEEP = re.compile(r"Device is in [A-Z_ ()]{1,40} mode, exit\([0-9]{1,3}\)")
_PROTOCOLS: Mapping[str, Protocol] = {"ATA": "ATA", "NVMe": "NVMe", "SCSI": "SCSI"}
_MOST_MESSAGES = 20
_BY_PROTOCOL: Mapping[str, Callable[[Document], dict[str, Any]]] = {
    "ATA": ata_fields,
    "NVMe": nvme_fields,
    "SCSI": scsi_fields,
}


def read_drive(document: Document, links: Mapping[str, Named]) -> Drive:
    """Read one drive; `links` say who it is when it does not answer. ParseError when it is no answer of smartctl."""
    path, device_type = _asked(document)
    messages = _messages(document)
    fields: dict[str, Any] = {"path": path, "device_type": device_type}
    protocol = _PROTOCOLS.get(document.at("device", "protocol").text() or "")
    if any(_ASLEEP.match(message) for message in messages):
        fields |= {"standby": True, "protocol": protocol}
    else:
        fields |= {
            "protocol": protocol,
            "messages": messages,
            "exit_status": document.at("smartctl", "exit_status").whole(most=255),
            **_identity(document),
            **_state(document),
        }
        if protocol is not None:
            fields |= {name: value for name, value in _BY_PROTOCOL[protocol](document).items() if value is not None}
    return build(fields, links.get(path, Named()), section=document.section)


def build(fields: dict[str, Any], named: Named, *, section: str) -> Drive:
    """Return the drive, under the id that lasts: its serial number, else its world wide name, else its path."""
    serial, wwn = fields.get("serial") or named.serial, fields.get("wwn") or named.wwn
    where = " ".join(part for part in (fields["path"], fields.get("device_type")) if part)
    try:
        given = fields | {"id": (serial or wwn or where)[:255], "serial": serial, "wwn": wwn}
        return Drive(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ParseError(f"{place} of the drive: {first['msg']}", section=section) from None


def unheard(drive: Drive) -> bool:
    """Return whether a drive said nothing of itself: asleep, or not to be opened."""
    return drive.standby or drive.exit_status is None or bool(drive.exit_status & SmartctlExit.OPEN_FAILED)


def _asked(document: Document) -> tuple[str, str | None]:
    """Return path and type: of the device when it was opened, else what the command line asked for."""
    path = document.at("device", "name").text(most=4096)
    if path is not None:
        return path, document.at("device", "type").text()
    argv = [word.text(most=4096) for word in document.at("smartctl", "argv").items()]
    if len(argv) < 2 or argv[-1] is None:
        raise document.at("device", "name").wrong("the path of a device")
    kind = argv[argv.index("-d") + 1] if "-d" in argv[:-2] else None
    return argv[-1], kind[:255] if kind else None


def _messages(document: Document) -> tuple[str, ...]:
    first = islice(document.at("smartctl", "messages").items(), _MOST_MESSAGES)
    found = (message.at("string").text(most=1024) for message in first)
    return tuple(message for message in found if message is not None)


def _identity(document: Document) -> dict[str, Any]:
    return {
        "serial": document.at("serial_number").text(),
        "model": _first_text(document, "model_name", "scsi_model_name"),
        "family": document.at("model_family").text(),
        "firmware": _first_text(document, "firmware_version", "scsi_revision", "revision"),
        "wwn": _wwn(document),
        "capacity_bytes": _first(
            document.at("user_capacity", "bytes").whole(), document.at("nvme_total_capacity").whole()
        ),
        "logical_sector_bytes": document.at("logical_block_size").whole(),
        "physical_sector_bytes": document.at("physical_block_size").whole(),
        "rotation_rpm": document.at("rotation_rate").whole(most=100_000),
    }


def _state(document: Document) -> dict[str, Any]:
    return {
        "passed": document.at("smart_status", "passed").flag(),
        "temperature_celsius": _degrees(document.at("temperature", "current").number()),
        "temperature_limit_celsius": _limit(document),
        "power_on_hours": document.at("power_on_time", "hours").whole(),
        "power_cycles": document.at("power_cycle_count").whole(),
        "self_tests": read_self_tests(document),
    }


def _limit(document: Document) -> float | None:
    """Return where a drive's maker sees the end: 0 is what drives say that have none."""
    for keys in (
        ("temperature", "op_limit_max"),
        ("temperature", "limit_max"),
        ("temperature", "drive_trip"),
        ("nvme_composite_temperature_threshold", "warning"),
    ):
        limit = _degrees(document.at(*keys).number())
        if limit is not None and limit > 0:
            return limit
    return None


def _degrees(celsius: float | None) -> float | None:
    return celsius if celsius is not None and -273.15 <= celsius <= 1000 else None


def _wwn(document: Document) -> str | None:
    """Return the world wide name as udev writes it: `0x5000c500a1b2c3d4`, `eui.0025385b71b00e0a`."""
    naa, oui, number = (document.at("wwn", part).whole() for part in ("naa", "oui", "id"))
    if naa is not None and oui is not None and number is not None:
        return f"0x{naa:x}{oui:06x}{number:09x}"
    for namespace in document.at("nvme_namespaces").items():
        oui, number = (namespace.at("eui64", part).whole() for part in ("oui", "ext_id"))
        if oui is not None and number is not None and (oui or number):
            return f"eui.{oui:06x}{number:010x}"
    unit = document.at("logical_unit_id").text()
    return unit.lower() if unit else None


def _first_text(document: Document, *keys: str) -> str | None:
    return next((text for key in keys if (text := document.at(key).text()) is not None), None)


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)
