"""Running the statements of one revision."""

from pathlib import Path

from alembic import op

from runtime.sql import load_statements

_SQL = Path(__file__).with_name("sql")


def run_folder(revision: str) -> None:
    """Run every statement under `sql/<revision>` in the order of files and lines, on the migration's connection."""
    # The driver's own connection: its text is SQL as it stands, no parameters, several commands at once if need be.
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("a migration needs a connection")
    for text in load_statements(_SQL / revision).values():
        connection.execute(text)
