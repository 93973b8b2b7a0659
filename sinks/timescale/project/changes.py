"""*_changed of watched things: their history, and the judged status of each as it is now."""

from schemas.config import ConfigChanged
from schemas.container import ContainerStatusChanged
from schemas.drive import DriveHealthChanged
from schemas.entity import EntityChange
from schemas.network import NetworkStatusChanged
from schemas.packages import PackagesStatusChanged
from schemas.pool import PoolHealthChanged
from schemas.service import ServiceStatusChanged
from sinks.timescale.rows import EntityRow, Rows, moment

Changed = (
    ContainerStatusChanged
    | DriveHealthChanged
    | PoolHealthChanged
    | ServiceStatusChanged
    | NetworkStatusChanged
    | PackagesStatusChanged
    | ConfigChanged
)

_SHARED = frozenset(EntityChange.model_fields)
_IN_CONFIG_CHANGES = frozenset({"differences", "diff"})


def project(event: Changed, appended_ms: int, rows: Rows) -> None:
    """Add one change; what only its family tells goes into `details`."""
    data = event.data.model_dump(exclude_none=True, exclude={"evidence"})
    changed: EntityRow = {
        "time": event.time,
        "event_id": event.id,
        "device_id": event.subject,
        "family": event.type.split(".")[1],
        **{name: value for name, value in data.items() if name in _SHARED},
        "details": {n: v for n, v in data.items() if n not in _SHARED and n not in _IN_CONFIG_CHANGES},
        "evidence": [one.model_dump() for one in event.data.evidence],
        "appended_at": moment(appended_ms),
    }
    rows.entity_changes.append(changed)
    if isinstance(event, ConfigChanged):
        rows.config_changes.append(_config(event))


def _config(event: ConfigChanged) -> EntityRow:
    data = event.data
    return {
        "event_id": event.id,
        "time": event.time,
        "device_id": event.subject,
        **data.model_dump(include={"entity", "path", "kind", "what", "status", "previous_hash", "content_hash"}),
        **data.model_dump(include={"differences", "diff", "note"}),
    }
