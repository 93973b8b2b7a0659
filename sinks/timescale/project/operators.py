"""What operators say: baselines, silences and maintenance."""

from typing import assert_never

from schemas.alert import AlertSilenced, AlertUnsilenced
from schemas.baseline import BaselineAccepted
from schemas.maintenance import MaintenanceEnded, MaintenanceStarted
from sinks.timescale.rows import EntityRow, Rows

Said = BaselineAccepted | AlertSilenced | AlertUnsilenced | MaintenanceStarted | MaintenanceEnded


def project(event: Said, rows: Rows) -> None:
    """Add what one event says; a silence or maintenance and its end may come in any order."""
    said: EntityRow = {"device_id": event.subject, "time": event.time, "event_id": event.id}
    match event:
        case BaselineAccepted(data=baseline):
            accepted = {"accepted": baseline.values}
            rows.baselines.append(said | baseline.model_dump(exclude={"values"}) | accepted)
        case AlertSilenced(data=silence):
            rows.silences.append(said | silence.model_dump())
        case AlertUnsilenced(data=ended):
            rows.silence_ends.append({"silence_id": ended.silence_id, **_end(event)})
        case MaintenanceStarted(data=started):
            rows.maintenance.append(said | started.model_dump())
        case MaintenanceEnded(data=over):
            rows.maintenance_ends.append({"maintenance_id": over.maintenance_id, **_end(event)})
        case _:
            assert_never(event)


def _end(event: AlertUnsilenced | MaintenanceEnded) -> EntityRow:
    return {
        "device_id": event.subject,
        "ended_at": event.time,
        "ended_event_id": event.id,
        "ended_by": event.data.operator,
        "ended_comment": event.data.comment,
    }
