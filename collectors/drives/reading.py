"""All drives of a device, out of the text of one look: the scan, an answer of each drive, the names udev gave them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from collectors import sections
from collectors.document import Document, read_document
from collectors.drives.drive import build, read_drive
from collectors.drives.links import Named, read_links
from collectors.drives.scan import LINKS, MOST_DRIVES, Scanned, read_scan
from collectors.errors import ParseError
from collectors.partly import Partly
from schemas.drive import Drive

SCANS = ("--scan-open", "--scan")
BARE = "smartctl"
"""The section's name in errors about the output of one program alone."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What one look read. `complete` is false when the scan named a drive that no answer is there of.

    `unread` says what was answered and could not be read: of the drives that are asked one by one, not of the scan.
    """

    drives: tuple[Drive, ...]
    version: str | None = None
    complete: bool = True
    unread: tuple[str, ...] = ()


def parse(text: str) -> Readings:
    """Read a look, or the bare output of one `smartctl -j`. ParseError otherwise."""
    if text.lstrip().startswith("{"):
        found = {BARE: text}
    else:
        found = sections.split(text)
        if not found:
            raise ParseError(
                "neither JSON of smartctl 7.0 or later nor sections of a look", section=BARE, text=text[:80]
            )
    if len(found) > MOST_DRIVES:
        raise ParseError(f"more than {MOST_DRIVES} sections", section=BARE)
    links = {name: content for name, content in found.items() if LINKS[-1] in name}
    asked = {name: content for name, content in found.items() if name not in links}
    partly = Partly()
    documents = [_document(name, content, partly, alone=len(asked) == 1) for name, content in asked.items()]
    readable = [document for document in documents if document is not None]
    if not readable:
        raise ParseError("; ".join(partly.unread) or "no answer of smartctl is there", section=BARE)
    try:
        return _readings(readable, read_links("\n".join(links.values())), partly)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ParseError(f"{place} of {error.title}: {first['msg']}", section=BARE) from None


def _document(name: str, content: str, partly: Partly, *, alone: bool) -> Document | None:
    """Return an answer; None of one among several that is none. ParseError of the only one, and of the scan."""
    if alone or any(word in name for word in SCANS):
        return _smartctl(name, content)
    return partly.read(lambda: _smartctl(name, content))


def _smartctl(name: str, content: str) -> Document:
    document = read_document(content, section=name)
    if not document.at("smartctl").mapping():
        raise document.at("smartctl").wrong("an object: this is no JSON of smartctl")
    return document


def _readings(documents: list[Document], named: Mapping[str, Named], partly: Partly) -> Readings:
    scans = [document for document in documents if _is_scan(document)]
    scanned = [device for scan in scans for device in read_scan(scan)]
    answers = [document for document in documents if not _is_scan(document)]
    drives = [drive for document in answers if (drive := _drive(document, named, partly, alone=not scans)) is not None]
    answered = {drive.path for drive in drives}
    drives += [_unopened(device, named, section=scans[0].section) for device in scanned if device.error]
    missing = [device for device in scanned if not device.error and device.path not in answered]
    if partly.unread and not drives:
        raise ParseError("; ".join(partly.unread), section=BARE)
    complete = not partly.unread and (not missing or len(documents) == len(scans))
    return Readings(distinct(drives), _version(documents[0]), complete=complete, unread=partly.unread)


def _drive(document: Document, named: Mapping[str, Named], partly: Partly, *, alone: bool) -> Drive | None:
    return read_drive(document, named) if alone else partly.read(lambda: read_drive(document, named))


def _is_scan(document: Document) -> bool:
    argv = [word.text() for word in document.at("smartctl", "argv").items()]
    return "devices" in document.mapping() or any(word in argv for word in SCANS)


def _unopened(device: Scanned, named: Mapping[str, Named], *, section: str) -> Drive:
    fields = {"path": device.path, "device_type": device.type, "messages": (device.error,)}
    return build(fields, named.get(device.path, Named()), section=section)


def _version(document: Document) -> str | None:
    numbers = [number.whole() for number in document.at("smartctl", "version").items()]
    return ".".join(str(number) for number in numbers)[:255] or None


def distinct(drives: Iterable[Drive]) -> tuple[Drive, ...]:
    """Return each drive once, under an id of its own.

    A drive on two paths has one serial number and one world wide name: the answer that says most of it counts. Halves
    of a dual-actuator drive, and bridges that give all drives one serial number, differ in the second or in the path.
    """
    once: dict[tuple[str, str], Drive] = {}
    for drive in drives:
        key = (drive.id, drive.wwn or f"{drive.path} {drive.device_type}")
        if key not in once or _says(drive) > _says(once[key]):
            once[key] = drive
    shared = Counter(drive.id for drive in once.values())
    return tuple(drive if shared[drive.id] == 1 else _apart(drive) for drive in once.values())


def _says(drive: Drive) -> int:
    return len(drive.model_fields_set)


def _apart(drive: Drive) -> Drive:
    other = drive.wwn if drive.wwn and drive.wwn != drive.id else f"{drive.path} {drive.device_type or ''}".strip()
    return drive.model_copy(update={"id": f"{drive.id[:120]}/{other[:120]}"})
