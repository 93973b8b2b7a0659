"""Watched things as they are now and how they changed, and rollups of the samples."""

from sinks.timescale.migrations.run import run_folder

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the statements under `sql/0002`."""
    run_folder(revision)
