"""`db check`: everything that can be wrong with the database, looked at in one go."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from runtime.engines import PoolStatistics, async_engine, pool_statistics
from runtime.postgres import masked_url
from runtime.settings import PostgresSettings
from sinks.timescale import schema
from sinks.timescale.inspection import activity, drift, server_settings
from sinks.timescale.inspection.asking import APPLICATION, Asking, asking
from sinks.timescale.inspection.findings import Finding, fail, ok, warn
from sinks.timescale.inspection.server_settings import Setting
from sinks.timescale.tier import Tier

OLDEST = 16
NEWEST = 18
"""Major versions of PostgreSQL that this is made for."""

_ROUNDS = 5
SKEW_WARN_S = 1.0
SKEW_FAIL_S = 60.0


def check(settings: PostgresSettings) -> list[Finding]:
    """Look at everything. Raises DatabaseUnavailable, DatabaseRefused when it cannot be asked at all."""
    began = time.monotonic()
    with asking(settings, operation="check") as asked:
        found = [connectivity(settings, time.monotonic() - began)]
        for look in (_clock, _version, _extension, _writable, _settings, *activity.LOOKS):
            found += _looked(look, asked)
    found += [_pool(asyncio.run(_filled(settings)))]
    return found + list(_schema(settings))


def connectivity(settings: PostgresSettings, seconds: float) -> Finding:
    """It answers."""
    return ok("connectivity", f"{masked_url(settings)} answers, connected in {1000 * seconds:.0f} ms")


def _looked(look: Callable[[Asking], Iterable[Finding]], asked: Asking) -> Iterable[Finding]:
    """What one look found; a role that may not look, or a lock in the way, is told of, and the other looks go on."""
    try:
        return list(look(asked))
    except DBAPIError as error:
        why, name = str(error.orig).splitlines()[0], look.__name__.strip("_")
        match getattr(error.orig, "sqlstate", None):
            case "42501":
                return [warn(name, f"this role may not look: {why}", "grant it pg_monitor")]
            case "55P03":
                return [warn(name, f"could not look, somebody holds a lock: {why}", "see locks, and look again")]
        raise


@dataclass(frozen=True, slots=True)
class Skew:
    """The server's clock minus ours, and how long the round trip took in which it was measured; seconds."""

    skew_s: float
    round_trip_s: float


def measured_skew(asked: Asking) -> Skew:
    """The fastest of some round trips: its middle is when the server read its clock, give or take half of it."""
    measured = []
    for _ in range(_ROUNDS):
        began, at = time.monotonic(), datetime.now(UTC)
        theirs: datetime = asked.row("clock")[0]
        took = time.monotonic() - began
        measured.append(Skew((theirs - at).total_seconds() - took / 2, took))
    return min(measured, key=lambda one: one.round_trip_s)


def judged_skew(skew: Skew) -> Finding:
    """A clock that is off by more than a second makes times in the tables hard to compare; by a minute, useless."""
    told = f"the server's clock is {skew.skew_s:+.3f} s from here (round trip {1000 * skew.round_trip_s:.1f} ms)"
    # What the round trip may hide is no skew.
    off = max(0.0, abs(skew.skew_s) - skew.round_trip_s / 2)
    if off > SKEW_FAIL_S:
        return fail("clock", told, "synchronise both clocks (NTP): retention and rollups go by the server's")
    if off > SKEW_WARN_S:
        return warn("clock", told, "synchronise both clocks (NTP)")
    return ok("clock", told)


def _clock(asked: Asking) -> Iterator[Finding]:
    yield judged_skew(measured_skew(asked))


def _version(asked: Asking) -> Iterator[Finding]:
    shown = asked.server.postgresql
    major = int(shown.split(".", 1)[0].split("beta")[0].split("rc")[0].split("devel")[0])
    if major < OLDEST:
        yield fail("version", f"PostgreSQL {shown}", f"needs {OLDEST} or later")
    elif major > NEWEST:
        yield warn("version", f"PostgreSQL {shown}", f"not tried with anything later than {NEWEST}")
    else:
        yield ok("version", f"PostgreSQL {shown}")


def _extension(asked: Asking) -> Iterator[Finding]:
    server = asked.server
    editions = {Tier.COMMUNITY: "community edition", Tier.APACHE: "Apache edition: no compression, no policies"}
    if server.tier is Tier.PLAIN and server.offered is None:
        yield ok("extension", "plain PostgreSQL: ordinary tables, rollups and retention by the sink")
    elif server.tier is Tier.PLAIN:
        load = "" if server.preloaded else "add it to shared_preload_libraries, restart, then "
        told = f"the server offers timescaledb {server.offered}, this database does not have it"
        yield warn("extension", told, f"{load}run `infrastructor db migrate`, or leave it: ordinary tables do as well")
    elif server.offered not in {None, server.timescaledb}:
        told = f"TimescaleDB {server.timescaledb} ({editions[server.tier]}), the server has {server.offered}"
        yield warn("extension", told, "run `ALTER EXTENSION timescaledb UPDATE` as its first statement of a session")
    else:
        yield ok("extension", f"TimescaleDB {server.timescaledb}, {editions[server.tier]}")


def _writable(asked: Asking) -> Iterator[Finding]:
    standby, read_only = asked.row("writability")
    if standby:
        yield fail("writable", "the server is a standby: nothing can be stored", "point the settings at the primary")
    elif read_only:
        told = "transactions are read-only: nothing can be stored"
        yield fail("writable", told, "connect as a role that may write, or set default_transaction_read_only to off")
    else:
        yield ok("writable", "it takes writes")


def _settings(asked: Asking) -> Iterator[Finding]:
    rows = asked.rows("settings", names=list(server_settings.ASKED))
    yield from server_settings.judge({name: Setting(shown, number) for name, shown, number in rows})


@dataclass(frozen=True, slots=True)
class _Filled:
    """A pool of which every connection was used at once."""

    pool: PoolStatistics
    opened: int
    seconds: float


async def _filled(settings: PostgresSettings) -> _Filled:
    """Use every connection of a pool at once: what a process may need, the server must be able to give."""
    engine = async_engine(settings, APPLICATION)
    most = pool_statistics(engine).most
    began = time.monotonic()
    everybody = asyncio.Barrier(most)

    async def use() -> bool:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            # Nobody gives its connection back before all have one.
            async with asyncio.timeout(10):
                await everybody.wait()
        return True

    try:
        done = await asyncio.gather(*(use() for _ in range(most)), return_exceptions=True)
        return _Filled(pool_statistics(engine), done.count(True), time.monotonic() - began)
    finally:
        await engine.dispose()


def _pool(filled: _Filled) -> Finding:
    told = f"{filled.opened} of {filled.pool.most} connections at once, in {1000 * filled.seconds:.0f} ms"
    if filled.opened < filled.pool.most:
        return warn("pool", told, "raise max_connections, the role's connection limit, or the pooler's")
    return ok("pool", told)


def _schema(settings: PostgresSettings) -> Iterator[Finding]:
    status = schema.status(settings)
    if status.revision is None:
        yield fail("schema", "there are no tables of Infrastructor", "run `infrastructor db migrate`")
        return
    if not status.current:
        told = f"revision {status.revision}; pending: {', '.join(status.pending)}"
        yield fail("schema", told, "run `infrastructor db migrate`")
        return
    yield ok("schema", f"revision {status.revision}")
    yield from (warn("schema", note) for note in status.notes)
    with asking(settings, operation="check") as asked:
        yield from _looked(_drift, asked)


def _drift(asked: Asking) -> Iterator[Finding]:
    keepers = dict(asked.rows("rollup_keepers"))
    found = drift.differences(drift.catalogue(asked.rows("catalogue")), drift.expected(keepers))
    if not found:
        yield ok("drift", "tables, keys, indexes and comments are as the migrations make them")
    for difference in found:
        if difference.expected is None or difference.aspect.startswith("comment"):
            yield warn("drift", str(difference), "drop it, or leave it if you know what it is for")
        else:
            yield fail("drift", str(difference), "make it as the migrations do: sinks/timescale/migrations/sql")
