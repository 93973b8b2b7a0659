"""Holes that are watched until they are told as gaps."""

from sinks.timescale.migrations.run import run_folder

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the statements under `sql/0003`."""
    run_folder(revision)
