"""The life of the schema: which revision the database has, what is pending, and bringing it up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from runtime.engines import driver, querying
from runtime.errors import SchemaOutdated
from runtime.postgres import masked_url
from runtime.settings import PostgresSettings
from sinks.timescale import rollups, tier

_MIGRATIONS = Path(__file__).with_name("migrations")
_VERSION_TABLE = "schema_version"
_APPLICATION = "infrastructor-db"
# Any number will do, as long as nobody else takes it: two migrations at once wait for each other.
_LOCK = sqlalchemy.text("SELECT pg_advisory_lock(4709231406)")
_NO_TIMEOUT = sqlalchemy.text("SET statement_timeout = 0")


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """The schema as it is: `pending` are revisions to come, oldest first; `notes` say what a person may want to do."""

    database: str
    revision: str | None
    newest: str
    pending: tuple[str, ...]
    tier: tier.Tier
    postgresql: str
    timescaledb: str | None
    notes: tuple[str, ...] = ()

    @property
    def current(self) -> bool:
        """Whether nothing is pending."""
        return not self.pending


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a migration did."""

    applied: tuple[str, ...]
    hypertables: tuple[str, ...]
    status: SchemaStatus


def status(settings: PostgresSettings) -> SchemaStatus:
    """Say how the schema is. Raises DatabaseUnavailable, DatabaseRefused."""
    with _connected(settings) as connection:
        return _status(connection, settings, notes=())


def migrate(settings: PostgresSettings) -> Migrated:
    """Bring the schema up to date; nothing happens when it is. Raises DatabaseUnavailable, DatabaseRefused."""
    with _connected(settings) as connection:
        connection.execute(_NO_TIMEOUT)
        connection.execute(_LOCK)
        connection.commit()
        notes = [note] if (note := _extension(connection)) else []
        before = _status(connection, settings, notes=())
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        made, left = _hypertables(connection)
        _rollups(connection)
        connection.commit()
        if left:
            notes.append(_left_note(left))
        return Migrated(before.pending, tuple(made), _status(connection, settings, notes=tuple(notes)))


@contextmanager
def _connected(settings: PostgresSettings) -> Iterator[sqlalchemy.Connection]:
    with querying(settings, _APPLICATION, operation="migrate") as engine, engine.connect() as connection:
        yield connection


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def _status(connection: sqlalchemy.Connection, settings: PostgresSettings, *, notes: tuple[str, ...]) -> SchemaStatus:
    context = MigrationContext.configure(connection, opts={"version_table": _VERSION_TABLE})
    revision = context.get_current_revision()
    scripts = ScriptDirectory.from_config(_config())
    known = [script.revision for script in reversed(list(scripts.walk_revisions()))]
    if revision is not None and revision not in known:
        raise SchemaOutdated(
            f"the database at {masked_url(settings)} is at revision {revision}, which this version does not know "
            f"(its newest is {known[-1]}): update this program",
            operation="read schema",
            found=revision,
        )
    found = tier.server(driver(connection))
    if not notes and found.tier is not tier.Tier.PLAIN and revision is not None:
        ordinary = tier.ordinary_tables(driver(connection))
        notes = (_left_note(ordinary),) if ordinary else ()
    connection.commit()
    return SchemaStatus(
        database=masked_url(settings),
        revision=revision,
        newest=known[-1],
        pending=tuple(known[known.index(revision) + 1 :] if revision else known),
        tier=found.tier,
        postgresql=found.postgresql,
        timescaledb=found.timescaledb,
        notes=notes,
    )


def _extension(connection: sqlalchemy.Connection) -> str | None:
    below = driver(connection)
    below.autocommit = True
    try:
        return tier.create_extension(below)
    finally:
        below.autocommit = False


def _hypertables(connection: sqlalchemy.Connection) -> tuple[list[str], list[str]]:
    below = driver(connection)
    if tier.server(below).tier is tier.Tier.PLAIN:
        return [], []
    if not tier.has_chunk_dropper(below):
        tier.make_chunk_dropper(below)
    return tier.make_hypertables(below)


def _rollups(connection: sqlalchemy.Connection) -> None:
    below = driver(connection)
    kind = tier.server(below).tier
    hypertables = set(tier.HYPERTABLES) - set(tier.ordinary_tables(below)) if kind is not tier.Tier.PLAIN else set()
    rollups.make_rollups(below, tier.SQL, tier=kind, hypertables=hypertables)


def _left_note(tables: list[str]) -> str:
    return (
        f"the extension is there, but these hold rows as ordinary tables: {', '.join(tables)}; everything works. To "
        "turn them into hypertables, which rewrites them under a lock, stop the sink and run "
        "`infrastructor db hypertables create`"
    )
