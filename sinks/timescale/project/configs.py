"""config.observed: configuration files as they are now, and each content that they were seen with."""

from hashlib import sha256

from schemas.config import ConfigObserved
from sinks.timescale.project.sightings import Sighting
from sinks.timescale.rows import Rows

MOST_ENTITY = 255
"""Characters of an event's `entity`; a longer path would not fit in an index either."""


def entity_of(path: str) -> str:
    """The path as `config.changed` names it: of a long one the end, after what tells it from others."""
    if len(path) <= MOST_ENTITY:
        return path
    return f"{sha256(path.encode()).hexdigest()[:8]}…{path[-(MOST_ENTITY - 9) :]}"


def project(event: ConfigObserved, rows: Rows) -> None:
    """Add one look at one file."""
    data = event.data
    look = Sighting(event.subject, event.time, event.id, rows)
    entity = entity_of(data.path)
    rows.config_files.append(look.row(data, without={"content", "diff"}, entity=entity))
    if data.content_hash is not None:
        fields = {"path", "kind", "content_hash", "size_bytes", "content", "error", "diff"}
        found = data.model_dump(include=fields)
        first = {"first_seen_at": event.time, "first_event_id": event.id}
        rows.config_contents.append(look.plain(entity=entity, **found, **first))
