"""packages.observed: what waits to be updated, as it is now."""

from schemas.packages import PackagesObserved
from sinks.timescale.project.sightings import Sighting
from sinks.timescale.rows import Rows


def project(event: PackagesObserved, rows: Rows) -> None:
    """Add what waits on one device."""
    data = event.data
    look = Sighting(event.subject, event.time, event.id, rows)
    rows.packages.append(look.row(data, without={"updates"}))
    rows.package_updates += [look.row(update, manager=data.manager) for update in data.updates]
