"""Containers out of `podman ps -a --format json`, which says less than `inspect` and more than Docker's `ps`.

Source of the format: podman-ps(1) and libpod's entities.ListContainer. Times are seconds since 1970, negative for
never; the health check stands in brackets in `Status`.
"""

import re
from datetime import UTC, datetime
from typing import Any

from collectors.containers.inspection import LABELS, MOST_NETWORKS, build, compose_of, image_id_of
from collectors.containers.ports import read_listed_ports
from collectors.containers.secrecy import Shape, kept
from collectors.document import Document
from schemas.container import Container

_WANTED: Shape = {
    "Id": None,
    "Names": ...,
    "State": None,
    "Status": None,
    "Exited": None,
    "ExitCode": None,
    "Image": None,
    "ImageID": None,
    "Created": None,
    "StartedAt": None,
    "ExitedAt": None,
    "Restarts": None,
    "Labels": LABELS,
    "Ports": ...,
    "Networks": ...,
}
_HEALTH = re.compile(r"\((healthy|unhealthy|starting)\)")


def is_listed(row: object) -> bool:
    """Tell whether it is a row of `podman ps`."""
    return isinstance(row, dict) and "Names" in row and not isinstance(row.get("State"), dict)


def read_listed(row: Document) -> Container:
    """Read one row. ParseError when it is none."""
    row = Document(kept(row.value, _WANTED), row.section, row.path)
    health = _HEALTH.search(row.at("Status").text() or "")
    ended = row.at("Exited").flag()
    names = [name.text() for name in row.at("Names").items()]
    networks = {name.text() or "" for name in row.at("Networks").items()} - {""}
    fields: dict[str, Any] = {
        "name": names[0] if names else None,
        "id": row.at("Id").text(),
        "state": (row.at("State").text() or "").lower(),
        "health": health[1] if health is not None else None,
        "exit_code": row.at("ExitCode").whole(least=-(2**31), most=2**31 - 1) if ended else None,
        "restart_count": row.at("Restarts").whole(),
        "image": row.at("Image").text(most=1024),
        "image_id": image_id_of(row.at("ImageID")),
        "created_at": _instant(row.at("Created")),
        "started_at": _instant(row.at("StartedAt")),
        "finished_at": _instant(row.at("ExitedAt")),
        **compose_of(row.at("Labels")),
        "ports": read_listed_ports(row.at("Ports")),
        "networks": tuple(sorted(networks))[:MOST_NETWORKS],
    }
    return build(fields, row)


def _instant(value: Document) -> datetime | None:
    seconds = value.whole(least=-(2**63))
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None and 0 < seconds < 2**37 else None
