"""Questions to the database over an engine: each statement on its own, so that one refusal stops no other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from runtime.engines import driver, querying
from runtime.errors import InfrastructorError
from runtime.settings import PostgresSettings
from runtime.sql import load_statements
from sinks.timescale import tier

SQL = load_statements(Path(__file__).with_name("statements"))
"""The statements of this package."""

APPLICATION = "infrastructor-db"


@dataclass(frozen=True, slots=True)
class Asking:
    """One connection of an engine, in autocommit. Its methods raise SQLAlchemy's DBAPIError."""

    engine: Engine
    connection: Connection
    server: tier.Server

    def rows(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows of a named statement."""
        return [tuple(row) for row in self.connection.exec_driver_sql(SQL[statement], parameters or None)]

    def row(self, statement: str, **parameters: object) -> tuple[Any, ...]:
        """Return the one row of a named statement; LookupError when there is none."""
        found = self.rows(statement, **parameters)
        if not found:
            raise LookupError(f"{statement} gave no row")
        return found[0]

    @property
    def driver(self) -> tier.Connection:
        """The psycopg connection below, for what is asked by statements of the sink."""
        return driver(self.connection)


@contextmanager
def asking(
    settings: PostgresSettings, *, operation: str, waiting: Callable[[InfrastructorError], None] | None = None
) -> Iterator[Asking]:
    """Connect, as patiently as the settings say. Raises DatabaseUnavailable, DatabaseRefused."""
    with (
        querying(settings, APPLICATION, waiting=waiting, operation=operation) as engine,
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        asked = Asking(engine, connection, tier.server(driver(connection)))
        asked.rows("limit_lock_waits")
        yield asked
