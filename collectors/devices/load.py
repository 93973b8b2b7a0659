"""devices.yaml read and checked: what is wrong, on which line, and what was probably meant."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from collectors.devices.document import OPERATION, Document, Place, read_document
from collectors.devices.model import Defaults, DeviceList, Entry
from runtime.errors import InputInvalid

MAX_BYTES = 16 * 1024 * 1024


def load_devices(path: Path, *, collectors: Collection[str], agent: str | None = None) -> DeviceList:
    """Return the devices of a file, defaults worked in. Blocks. Raises InputInvalid with file and line."""
    return parse_devices(read_text(path), str(path), collectors=collectors, agent=agent)


def read_text(path: Path) -> str:
    """Return the text of a file of devices. Raises InputInvalid."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputInvalid(f"{path}: is larger than {MAX_BYTES} bytes", operation=OPERATION, file=str(path))
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise InputInvalid(f"{path}: cannot be read ({why})", operation=OPERATION, file=str(path)) from error


def parse_devices(text: str, file: str, *, collectors: Collection[str], agent: str | None = None) -> DeviceList:
    """Return the devices of a text. `collectors` are the names there are; `agent` is the device that watches.

    Raises InputInvalid with the line.
    """
    document = read_document(text, file)
    try:
        found = DeviceList.model_validate(document.data)
    except ValidationError as error:
        raise _refusal(document, error) from None
    _check_ids(document, found)
    _check_collectors(document, found, collectors)
    known = {entry.id for entry in found.devices} | ({agent} if agent is not None else set())
    _check_parents(document, found, known)
    filled = found.filled()
    _check_cycles(document, filled)
    return filled


def _refusal(document: Document, error: ValidationError) -> InputInvalid:
    first = min(error.errors(), key=lambda one: document.line(_place(one)))
    place = _place(first)
    return document.wrong(place, _what(first, place))


def _place(error: ErrorDetails) -> Place:
    # pydantic names its own validators in between.
    return tuple(part for part in error["loc"] if "[" not in str(part))


def _what(error: ErrorDetails, place: Place) -> str:
    name = str(place[-1]) if place else "the file"
    match error["type"]:
        case "extra_forbidden":
            return f"there is no {name!r} here{meant(name, _fields_at(place))}"
        case "missing":
            return f"{name} is missing"
        case "model_type" if not place:
            return "a file of devices is a mapping: `devices:` with a list after it"
        case "string_pattern_mismatch" if name == "id":
            return (
                f"{str(error['input'])[:80]!r} is no device id: up to 63 of a-z 0-9 . _ -, the first a letter or digit"
            )
        case _:
            return f"{name}: {error['msg'].removeprefix('Value error, ')}, not {str(error['input'])[:80]!r}"


def _fields_at(place: Place) -> Collection[str]:
    models: dict[int, type[BaseModel]] = {1: DeviceList, 2: Defaults, 3: Entry}
    return models.get(len(place), Entry).model_fields


def meant(name: str, names: Collection[str]) -> str:
    """Return what was probably meant, as the end of a sentence."""
    close = get_close_matches(name, names, n=1)
    return f": did you mean {close[0]!r}?" if close else f": there are {', '.join(sorted(names))}"


def _check_ids(document: Document, found: DeviceList) -> None:
    seen: dict[str, int] = {}
    for index, entry in enumerate(found.devices):
        if entry.id in seen:
            first = document.line(("devices", seen[entry.id], "id"))
            raise document.wrong(("devices", index, "id"), f"the device {entry.id!r} is listed on line {first} already")
        seen[entry.id] = index


def _check_collectors(document: Document, found: DeviceList, names: Collection[str]) -> None:
    places: list[tuple[Place, Defaults | Entry]] = [(("defaults",), found.defaults)]
    places += [(("devices", index), entry) for index, entry in enumerate(found.devices)]
    for place, given in places:
        for position, name in enumerate(given.collectors or ()):
            if name not in names:
                at = (*place, "collectors", name)
                exact = at if at in document.lines else (*place, "collectors", position)
                raise document.wrong(exact, f"there is no collector {name!r}{meant(name, names)}")


def _check_parents(document: Document, found: DeviceList, known: Collection[str]) -> None:
    for index, entry in enumerate(found.devices):
        for position, parent in enumerate(entry.parents):
            if parent not in known:
                place: Place = ("devices", index, "parents", position)
                raise document.wrong(place, f"the parent {parent!r} is not listed{meant(parent, known)}")


def _check_cycles(document: Document, found: DeviceList) -> None:
    parents = {entry.id: entry.parents for entry in found.devices}
    jumps = {entry.id: (entry.jump,) if entry.jump is not None else () for entry in found.devices}
    for field, follows in (("parents", parents), ("jump", jumps)):
        done: set[str] = set()
        for index, entry in enumerate(found.devices):
            ring = _cycle(entry.id, follows, done)
            if ring:
                raise document.wrong(("devices", index, field), f"{field} go round in a circle: {' -> '.join(ring)}")


def _cycle(start: str, follows: Mapping[str, tuple[str, ...]], done: set[str]) -> list[str]:
    """Return a way from `start` that comes back to where it was; empty when there is none. `done` are known to end."""
    way: list[str] = [start]
    choices = [iter(follows.get(start, ()))]
    while choices:
        following = next(choices[-1], None)
        if following is None:
            done.add(way.pop())
            choices.pop()
        elif following in way:
            return [*way[way.index(following) :], following]
        elif following not in done:
            way.append(following)
            choices.append(iter(follows.get(following, ())))
    return []
