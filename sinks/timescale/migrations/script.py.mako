"""${message}."""

from sinks.timescale.migrations.run import run_folder

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Run the statements under `sql/${up_revision}`."""
    run_folder(revision)
