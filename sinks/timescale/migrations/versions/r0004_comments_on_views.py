"""Comments on the columns of views, for it is the views that people ask."""

from sinks.timescale.migrations.run import run_folder

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the statements under `sql/0004`."""
    run_folder(revision)
