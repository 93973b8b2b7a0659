"""drive.observed: drives with their vendor attributes and self tests, as they are now."""

from schemas.drive import DriveObserved
from sinks.timescale.project.sightings import Sighting
from sinks.timescale.rows import Rows


def project(event: DriveObserved, rows: Rows) -> None:
    """Add the drives of one look."""
    look = Sighting(event.subject, event.time, event.id, rows)
    look.listed("drive", complete=event.data.complete)
    for drive in event.data.drives:
        rows.drives.append(look.row(drive, without={"attributes", "self_tests"}))
        rows.drive_attributes += [look.row(attribute, drive=drive.id) for attribute in drive.attributes]
        rows.drive_self_tests += [
            look.row(test, drive=drive.id, place=place) for place, test in enumerate(drive.self_tests)
        ]
