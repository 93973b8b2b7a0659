"""What a compose file says, in one form whichever of its forms a file uses. Source: the Compose Specification.

Variables stand as they are, files that are included or extended are named and not read, and keys that are the user's
own (`x-...`) are left out: what they hold is where it was merged.
"""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from collectors.errors import ParseError

_TOP = ("name", "version", "include", "services", "networks", "volumes", "configs", "secrets", "models")
_RESOURCES = ("networks", "volumes", "configs", "secrets", "models")


def content_of(document: object, *, section: str) -> dict[str, Any]:
    """Return what was parsed, as an event has it. ParseError when it is no compose file."""
    if not isinstance(document, dict):
        raise ParseError("is no compose file: not a mapping", section=section)
    if not any(key in document for key in _TOP):
        raise ParseError(f"is no compose file: it has none of {', '.join(_TOP)}", section=section)
    found: dict[str, Any] = {}
    for key in ("name", "version"):
        if document.get(key) is not None:
            found[key] = _text(document[key])
    if document.get("include") is not None:
        found["include"] = _include(document["include"])
    services = document.get("services")
    if services is not None:
        found["services"] = {
            name: _service(service, section=f"{section}, services.{name[:100]}")
            for name, service in _mapping(services, section=f"{section}, services").items()
        }
    for key in _RESOURCES:
        if document.get(key) is not None:
            found[key] = {
                name: resource if isinstance(resource, dict) else {}
                for name, resource in _mapping(document[key], section=f"{section}, {key}").items()
            }
    return found


def _mapping(value: object, *, section: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ParseError("is not a mapping", section=section)
    return value


def _service(service: object, *, section: str) -> dict[str, Any]:
    if service is None:
        return {}
    found = _mapping(service, section=section)
    return {key: _FORMS[key](value) if key in _FORMS else value for key, value in found.items() if value is not None}


def _include(value: object) -> list[str]:
    """Return the paths that are included: `- a.yaml`, or `- path: [a.yaml, b.yaml]`."""
    paths: list[str] = []
    for part in _list(value):
        inner = part.get("path") if isinstance(part, dict) else part
        paths += [_text(path) for path in _list(inner)]
    return paths


def _pairs(value: object) -> object:
    """Return `NAME=value` entries, or a mapping, as a mapping of texts; a name without a value is passed on: null."""
    if isinstance(value, dict):
        return {name: None if one is None else _text(one) for name, one in value.items()}
    pairs: dict[str, str | None] = {}
    for entry in _list(value):
        name, equals, text = _text(entry).partition("=")
        pairs[name] = text if equals else None
    return pairs


def _port(value: object) -> str:
    """Return `[address:][published:]target[/protocol]`."""
    if not isinstance(value, dict):
        return _text(value)
    parts = [_text(value[key]) for key in ("host_ip", "published", "target") if value.get(key) is not None]
    protocol = f"/{_text(value['protocol'])}" if value.get("protocol") is not None else ""
    return ":".join(parts) + protocol


def _volume(value: object) -> str:
    """Return `[source:]target[:mode]`."""
    if not isinstance(value, dict):
        return _text(value)
    source, target = value.get("source"), value.get("target")
    kind = _text(value.get("type") or "volume")
    parts = [_text(part) for part in (source, target) if part is not None]
    if source is None and kind == "tmpfs":
        parts.insert(0, kind)
    return ":".join([*parts, *(["ro"] if value.get("read_only") is True else [])])


def _depends(value: object) -> object:
    """Return names, or the condition of each name when it is said."""
    if not isinstance(value, dict):
        return _texts(value)
    conditions = {name: one.get("condition") if isinstance(one, dict) else None for name, one in value.items()}
    return {name: _text(one or "service_started") for name, one in conditions.items()}


def _networks(value: object) -> object:
    """Return names, or what is said of each when something is."""
    if isinstance(value, dict) and not any(value.values()):
        return list(value)
    return value if isinstance(value, dict) else _texts(value)


def _extends(value: object) -> object:
    return value if isinstance(value, dict) else {"service": _text(value)}


def _build(value: object) -> object:
    if not isinstance(value, dict):
        return {"context": _text(value)}
    return {key: _pairs(one) if key in {"args", "labels"} else one for key, one in value.items()}


def _references(value: object) -> list[str]:
    """Return the names of configs and secrets that a service uses."""
    return [_text(one.get("source") or "") if isinstance(one, dict) else _text(one) for one in _list(value)]


def _env_files(value: object) -> list[str]:
    return [_text(one.get("path") or "") if isinstance(one, dict) else _text(one) for one in _list(value)]


def _texts(value: object) -> list[str]:
    return [_text(one) for one in _list(value)]


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


_FORMS: Mapping[str, Callable[[Any], object]] = {
    "build": _build,
    "image": _text,
    "container_name": _text,
    "environment": _pairs,
    "labels": _pairs,
    "annotations": _pairs,
    "ports": lambda value: [_port(one) for one in _list(value)],
    "expose": _texts,
    "volumes": lambda value: [_volume(one) for one in _list(value)],
    "depends_on": _depends,
    "networks": _networks,
    "extends": _extends,
    "profiles": _texts,
    "env_file": _env_files,
    "secrets": _references,
    "configs": _references,
    "restart": _text,
}


def name_of(content: Mapping[str, Any], path: str) -> str | None:
    """Return the project's name: the one that the file says, else its folder's as Compose takes it."""
    if isinstance(content.get("name"), str):
        return str(content["name"])
    folder = PurePosixPath(path).parent.name.lower()
    return "".join(letter for letter in folder if letter.isalnum() or letter in "_-").lstrip("_-") or None
