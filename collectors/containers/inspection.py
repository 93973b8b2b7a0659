"""Containers out of `docker inspect` or `podman inspect`.

Source of the formats: docker-inspect(1) and the Engine API, ContainerInspect; podman-inspect(1) and libpod's
define.InspectContainerData. Podman names the image in `ImageName`, says the health check in `State.Health`
(`State.Healthcheck` before 4.0) and writes an empty text where Docker leaves out.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from collectors.containers.ports import read_ports
from collectors.containers.secrecy import Shape, kept, masked_error, read_quietly
from collectors.document import Document
from collectors.errors import ParseError
from schemas.container import Container, Engine
from schemas.fields import parse_time

LABELS: Shape = {
    "com.docker.compose.project": None,
    "com.docker.compose.service": None,
    "io.podman.compose.project": None,
    "io.podman.compose.service": None,
}
_HEALTH: Shape = {"Status": None, "FailingStreak": None}
_WANTED: Shape = {
    "Id": None,
    "Name": None,
    "Created": None,
    "Image": None,
    "ImageName": None,
    "ImageDigest": None,
    "ImageManifestDescriptor": {"digest": None},
    "RestartCount": None,
    "State": {
        "Status": None,
        "ExitCode": None,
        "OOMKilled": None,
        "Error": None,
        "StartedAt": None,
        "FinishedAt": None,
        "Health": _HEALTH,
        "Healthcheck": _HEALTH,
    },
    "Config": {"Image": None, "Labels": LABELS},
    "HostConfig": {"RestartPolicy": {"Name": None}, "PortBindings": ..., "NetworkMode": None, "Memory": None},
    "NetworkSettings": {"Ports": ..., "Networks": ...},
}
RUNS = frozenset({"running", "paused"})
"""States in which a container is there and uses something."""

_NEVER_LEFT = RUNS | {"created", "configured", "initialized", "starting"}
_HEX = re.compile(r"[0-9a-f]{64}")
_OTHERS_NETWORK = re.compile(r"host|none|(?:container|ns):.*")
MOST_NETWORKS = 64
MOST_ROWS = 10_000
"""Of one answer; it is asked for a few hundred containers at a time."""


def read_inspection(text: str, *, section: str) -> tuple[Document, ...]:
    """Return the containers of an answer, cut down to what may be looked at. ParseError when it is none.

    Programs answer a list, the API one container.
    """
    whole = read_quietly(text, section=section)
    if isinstance(whole.value, dict) and "State" in whole.value:
        return (Document(kept(whole.value, _WANTED), section),)
    if not isinstance(whole.value, list):
        raise Document(None, section).wrong("a list of containers")
    if len(whole.value) > MOST_ROWS:
        raise ParseError(f"more than {MOST_ROWS} containers", section=section)
    return tuple(Document(kept(row.value, _WANTED), row.section, row.path) for row in whole.items() if _is_object(row))


def _is_object(row: Document) -> bool:
    if not isinstance(row.value, dict):
        raise Document(type(row.value).__name__, row.section, row.path).wrong("an object")
    return True


def engine_of(row: Document) -> Engine:
    """Return whose answer it is: Docker's names begin with a slash."""
    return "docker" if (row.at("Name").text() or "").startswith("/") else "podman"


def read_container(row: Document, *, seconds: float | None, digests: Mapping[str, str]) -> Container:
    """Read one container; `seconds` is the device's clock, `digests` what images were pulled as, by their ids."""
    state = row.at("State")
    status = (state.at("Status").text() or "").lower()
    started = instant(state.at("StartedAt"))
    exit_code = state.at("ExitCode").whole(least=-(2**31), most=2**31 - 1)
    image = row.at("ImageName").text(most=1024) or row.at("Config", "Image").text(most=1024)
    image_id = image_id_of(row.at("Image"))
    error = state.at("Error").text(most=4096)
    fields: dict[str, Any] = {
        "name": (row.at("Name").text() or "").lstrip("/"),
        "id": row.at("Id").text(),
        "state": status,
        **_health(state),
        # Engines say 0 of what has never ended.
        "exit_code": None if exit_code == 0 and status in _NEVER_LEFT else exit_code,
        "out_of_memory_killed": state.at("OOMKilled").flag(),
        "error": masked_error(error)[:1024] if error else None,
        "restart_count": row.at("RestartCount").whole(),
        "restart_policy": (row.at("HostConfig", "RestartPolicy", "Name").text() or "").lower() or None,
        "image": image,
        "image_id": image_id,
        "image_digest": _digest(row, image, digests.get(image_id or "")),
        "created_at": instant(row.at("Created")),
        "started_at": started,
        "finished_at": instant(state.at("FinishedAt")),
        "uptime_seconds": uptime(started, seconds) if status in RUNS else None,
        **compose_of(row.at("Config", "Labels")),
        # A container that does not run offers nothing; what it will offer lasts.
        "ports": read_ports(row.at("NetworkSettings", "Ports")) or read_ports(row.at("HostConfig", "PortBindings")),
        "networks": tuple(sorted(row.at("NetworkSettings", "Networks").mapping()))[:MOST_NETWORKS],
    }
    return build(fields, row)


def build(fields: dict[str, Any], row: Document) -> Container:
    """Return the container; ParseError when a field is none that an event may have."""
    try:
        return Container(**{name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        section = f"{row.section}, {row.path}" if row.path else row.section
        raise ParseError(f"{place} of a container: {first['msg']}", section=section) from None


def _health(state: Document) -> dict[str, Any]:
    for check in (state.at("Health"), state.at("Healthcheck")):
        health = (check.at("Status").text() or "none").lower()
        if health != "none":
            return {"health": health, "failing_streak": check.at("FailingStreak").whole()}
    return {}


def image_id_of(value: Document) -> str | None:
    """Return an image's id as Docker writes it, with the algorithm before it."""
    text = value.text()
    return f"sha256:{text}" if text and _HEX.fullmatch(text) else text


def _digest(row: Document, image: str | None, pulled: str | None) -> str | None:
    """Return `repository@sha256:...`."""
    if image is not None and "@sha256:" in image:
        return image
    digest = row.at("ImageDigest").text() or row.at("ImageManifestDescriptor", "digest").text()
    if pulled is not None or digest is None or image is None:
        return pulled
    repository, colon, tag = image.rpartition(":")
    return f"{repository if colon and '/' not in tag else image}@{digest}"[:1024]


def compose_of(labels: Document) -> dict[str, Any]:
    """Return compose project and service."""
    found = {}
    for word in ("project", "service"):
        docker, podman = (labels.at(f"{maker}.compose.{word}").text() for maker in ("com.docker", "io.podman"))
        found[f"compose_{word}"] = docker or podman
    return found


def instant(value: Document) -> datetime | None:
    """Return an instant; the year 1 is never. ParseError otherwise."""
    text = value.text()
    if text is None or text.startswith("0001-01-0"):
        return None
    try:
        return parse_time(text)
    except ValueError:
        raise value.wrong("an RFC 3339 time") from None


def uptime(started: datetime | None, seconds: float | None) -> float | None:
    """Return seconds since the start, by the device's own clock; None when that has been set back."""
    if started is None or seconds is None:
        return None
    # The clock is read first: a container may have started since.
    passed = seconds - started.timestamp()
    return max(0.0, round(passed, 3)) if passed > -10 else None


def memory_limit(row: Document) -> int | None:
    """Return the container's own limit in bytes: without one, `stats` shows all the memory of the machine."""
    limit = row.at("HostConfig", "Memory").whole(least=-(2**63)) or 0
    return limit if limit > 0 else None


def counts_network(row: Document) -> bool:
    """Tell whether `stats` counts its network: it shows zeros of containers without one of their own."""
    return _OTHERS_NETWORK.fullmatch(row.at("HostConfig", "NetworkMode").text() or "") is None
