"""Which database this is: TimescaleDB community, its Apache edition, or plain PostgreSQL; and making hypertables."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import psycopg

from runtime.sql import load_statements

Connection = psycopg.Connection[tuple[Any, ...]]

HYPERTABLES = ("events", "metric_samples", "collections", "entity_changes")
"""Tables that grow with time; on plain PostgreSQL they are ordinary tables with the same keys."""

CHUNK = "1 day"
"""Interval of a chunk. Rule: the newest chunks of all hypertables, with their indexes, should fit in a quarter of the
database's memory. 50 devices with 50 samples every 10 s make 22 million samples a day, about 2 GB: 1 day fits 8 GB.
With ten times as many set it to 3 hours, `SELECT set_chunk_time_interval('metric_samples', INTERVAL '3 hours')`, which
holds for chunks to come."""


class Tier(StrEnum):
    """The three tiers, found out at start."""

    COMMUNITY = "timescaledb"
    APACHE = "timescaledb-apache"
    PLAIN = "postgresql"


@dataclass(frozen=True, slots=True)
class Server:
    """What the server is: its version, the tier, the extension's version, and whether it could be created here."""

    postgresql: str
    tier: Tier
    timescaledb: str | None
    offered: str | None
    preloaded: bool


SQL = load_statements(Path(__file__).with_name("statements"))
"""The statements of this sink."""


def server(connection: Connection) -> Server:
    """Ask the server what it is."""
    row = connection.execute(SQL["server"]).fetchone()
    if row is None:
        raise RuntimeError("the server did not say what it is")
    version, installed, offered, preloaded, licence = row
    tier = Tier.PLAIN
    if installed is not None:
        tier = Tier.APACHE if licence == "apache" else Tier.COMMUNITY
    return Server(version, tier, installed, offered, preloaded)


def create_extension(connection: Connection) -> str | None:
    """Create the extension if the server offers it; return why not when that failed. `connection` is in autocommit."""
    found = server(connection)
    if found.timescaledb is not None or found.offered is None:
        return None
    if not found.preloaded:
        # Creating it would end the session.
        return (
            f"the server offers timescaledb {found.offered} but does not load it: "
            "add it to shared_preload_libraries, restart the server, and run this again"
        )
    try:
        connection.execute(SQL["create_extension"])
    except psycopg.errors.InsufficientPrivilege:
        return (
            f"the server offers timescaledb {found.offered} but this role may not create it: "
            "run `CREATE EXTENSION timescaledb` as a superuser, and run this again"
        )
    return None


def make_hypertables(connection: Connection) -> tuple[list[str], list[str]]:
    """Turn the growing tables into hypertables; return those that were, and those that stay, for they hold rows."""
    filled = {row[0] for row in connection.execute(SQL["filled_tables"]).fetchall()}
    ordinary = ordinary_tables(connection)
    done = [table for table in ordinary if table not in filled]
    for table in done:
        connection.execute(SQL["create_hypertable"], {"table": table, "chunk": CHUNK})
    return done, [table for table in ordinary if table in filled]


def has_chunk_dropper(connection: Connection) -> bool:
    """Whether `make_chunk_dropper` has been here."""
    return connection.execute(SQL["chunk_dropper"]).fetchone() is not None


def make_chunk_dropper(connection: Connection) -> None:
    """Let the sink's own job drop chunks though it owns none."""
    connection.execute(SQL["make_chunk_dropper"])
    connection.execute(SQL["settle_chunk_dropper"])


def ordinary_tables(connection: Connection) -> list[str]:
    """The growing tables that are no hypertables though the extension is there."""
    there = {row[0] for row in connection.execute(SQL["hypertables"]).fetchall()}
    return [table for table in HYPERTABLES if table not in there]
