"""service.observed: units of the service manager, as they are now."""

from schemas.service import ServiceObserved
from sinks.timescale.project.sightings import Sighting
from sinks.timescale.rows import Rows


def project(event: ServiceObserved, rows: Rows) -> None:
    """Add the units of one look."""
    data = event.data
    look = Sighting(event.subject, event.time, event.id, rows)
    look.listed("service", data.manager, complete=data.complete)
    rows.services += [look.row(service, manager=data.manager) for service in data.services]
