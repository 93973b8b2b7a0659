"""The first schema: events, metrics, devices, alerts, notifications, and the books that prove them."""

from sinks.timescale.migrations.run import run_folder

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the statements under `sql/0001`."""
    run_folder(revision)
