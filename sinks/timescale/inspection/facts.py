"""`db info`: which database this is, as whom we are there, and with which connections."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from runtime.engines import PoolStatistics, pool_statistics
from runtime.settings import PostgresSettings
from sinks.timescale.inspection.asking import asking
from sinks.timescale.tier import Server


@dataclass(frozen=True, slots=True)
class Facts:
    """The server, this session in it, the pool, and how its connection is secured."""

    version: str
    started_at: datetime
    address: str
    encoding: str
    standby: bool
    server: Server
    role: str
    superuser: bool
    create_roles: bool
    member_of: tuple[str, ...]
    database: str
    schema: str
    encrypted: bool
    protocol: str | None
    session: Mapping[str, str]
    pool: PoolStatistics
    connections: int
    most_connections: int


def facts(settings: PostgresSettings) -> Facts:
    """Ask the server. Raises DatabaseUnavailable, DatabaseRefused."""
    with asking(settings, operation="info") as asked:
        version, started, host, port, encoding, role, database, _, schema, standby = asked.row("server_facts")
        superuser, create_roles, _, member_of = asked.row("may")
        encrypted, protocol, _ = asked.row("encryption")
        used, most, _, _ = asked.row("connections")
        return Facts(
            version=version,
            started_at=started,
            address=f"{host}:{port}" if host else "a Unix socket",
            encoding=encoding,
            standby=standby,
            server=asked.server,
            role=role,
            superuser=superuser,
            create_roles=create_roles,
            member_of=tuple(member_of),
            database=database,
            schema=schema or "none",
            encrypted=encrypted,
            protocol=protocol,
            session=dict(asked.rows("session_facts")),
            pool=pool_statistics(asked.engine),
            connections=used,
            most_connections=most,
        )
