"""Who a drive was when it last said so, by its place: behind a RAID controller nothing else names a sleeper."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter

from collectors.drives.drive import unheard
from schemas.drive import Drive, Protocol


@dataclass(frozen=True, slots=True)
class Known:
    """One drive as it named itself."""

    id: str
    serial: str
    wwn: str | None = None
    model: str | None = None
    protocol: Protocol | None = None

    def to_json(self) -> bytes:
        """Return it for a store."""
        return _KNOWN.dump_json(self)


_KNOWN = TypeAdapter(Known)


def read_known(stored: bytes) -> Known | None:
    """Return what `to_json` made; None of what another version wrote."""
    try:
        return _KNOWN.validate_json(stored)
    except ValueError:
        return None


def place_of(drive: Drive) -> str:
    """Return where a drive is: its path, and what it is asked as."""
    return f"{drive.path} {drive.device_type or ''}".strip()


def known_of(drives: Iterable[Drive]) -> dict[str, Known]:
    """Return by place the drives that named themselves."""
    return {
        place_of(drive): Known(drive.id, drive.serial, drive.wwn, drive.model, drive.protocol)
        for drive in drives
        if drive.serial is not None and not drive.standby
    }


def remembered(drive: Drive, before: Mapping[str, Known]) -> Drive:
    """Return who a drive is that did not say: who had its world wide name, else who was at its place."""
    if drive.serial is not None or not unheard(drive):
        return drive
    if drive.wwn is not None:
        known = next((one for one in before.values() if one.wwn == drive.wwn), None)
    else:
        known = before.get(place_of(drive))
    if known is None:
        return drive
    return Drive.model_validate(drive.model_dump() | asdict(known))
