"""Engines for queries: SQLAlchemy on psycopg, sync and async, with the options of every connection, and their pools."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, QueuePool, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from runtime.errors import DatabaseUnavailable, InfrastructorError
from runtime.postgres import Patience, masked_url, options, translate
from runtime.settings.database import PostgresSettings

SIZE = 2
OVERFLOW = 3
WAIT_S = 10.0
"""Who finds every connection in use waits so long for one."""

_URL = "postgresql+psycopg://"


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """A pool's connections: how many it keeps, may have at most, has open, and has lent just now."""

    size: int
    most: int
    open: int
    in_use: int

    @property
    def idle(self) -> int:
        """Open connections that nobody uses."""
        return self.open - self.in_use


def engine(settings: PostgresSettings, application: str) -> Engine:
    """Return an engine, connected when first used, with a pool of 2 connections, at most 5."""
    return create_engine(_URL, **_pooled(settings, application))


def async_engine(settings: PostgresSettings, application: str) -> AsyncEngine:
    """Return the same for asyncio."""
    return create_async_engine(_URL, **_pooled(settings, application))


def pool_statistics(of: Engine | AsyncEngine) -> PoolStatistics:
    """Return how an engine's pool is used now. Never blocks."""
    pool = of.pool
    if not isinstance(pool, QueuePool | AsyncAdaptedQueuePool):
        raise TypeError("the engine must have a queue of connections as its pool")
    in_use = pool.checkedout()
    return PoolStatistics(SIZE, SIZE + OVERFLOW, open=pool.checkedin() + in_use, in_use=in_use)


@contextmanager
def querying(
    settings: PostgresSettings,
    application: str,
    *,
    waiting: Callable[[InfrastructorError], None] | None = None,
    operation: str = "query",
) -> Iterator[Engine]:
    """An engine that has connected once, waited for as long as `patience_s` says; for commands.

    Raises DatabaseUnavailable, DatabaseRefused, also for what fails in the block; other errors of a statement leave it
    as the driver's own (psycopg.Error).
    """
    made = engine(settings, application)
    try:
        with _plain(settings, operation=operation):
            _reach(made, settings, waiting=waiting)
            yield made
    finally:
        made.dispose()


def driver(connection: Connection) -> "psycopg.Connection[tuple[Any, ...]]":
    """Return the psycopg connection below; for what has to be in autocommit, or streams rows."""
    found = connection.connection.driver_connection
    if not isinstance(found, psycopg.Connection):
        raise TypeError("the engine must stand on psycopg")
    return found


def _pooled(settings: PostgresSettings, application: str) -> dict[str, Any]:
    return {
        "connect_args": options(settings, application),
        "pool_size": SIZE,
        "max_overflow": OVERFLOW,
        "pool_timeout": WAIT_S,
        "pool_pre_ping": True,
    }


def _reach(made: Engine, settings: PostgresSettings, *, waiting: Callable[[InfrastructorError], None] | None) -> None:
    patience = Patience(settings.patience_s, began=time.monotonic())
    if waiting is not None:
        patience.waiting = waiting
    while True:
        try:
            with _plain(settings, operation="connect"):
                made.connect().close()
        except DatabaseUnavailable as error:
            wait_s = patience.wait_s(error, now=time.monotonic())
        else:
            return
        time.sleep(wait_s)


@contextmanager
def _plain(settings: PostgresSettings, *, operation: str) -> Iterator[None]:
    """SQLAlchemy's wrapping taken off: our errors where the connection is to blame, else the driver's."""
    try:
        yield
    except PoolTimeout as error:
        message = f"every one of {SIZE + OVERFLOW} connections to {masked_url(settings)} was in use for {WAIT_S:.0f} s"
        raise DatabaseUnavailable(message, operation=operation) from error
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.Error):
            raise
        raise translate(error.orig, settings, operation=operation) or error.orig from error
    except psycopg.Error as error:
        raise translate(error, settings, operation=operation) or error from error
