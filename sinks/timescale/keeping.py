"""What `infrastructor db hypertables create`, `compression apply` and `retention apply` do, as plans of statements.

A plan holds what is to be run and nothing that is so already, so that applying twice does nothing the second time.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from runtime.engines import driver, querying
from runtime.errors import InputInvalid, SchemaOutdated
from runtime.settings import PostgresSettings
from sinks.timescale import tier
from sinks.timescale.retention_settings import RetentionSettings
from sinks.timescale.revision import REVISION
from sinks.timescale.rollups import ROLLUPS
from sinks.timescale.tier import CHUNK, SQL, Connection, Tier

_APPLICATION = "infrastructor-db"

FULL_AFTER: dict[str, timedelta] = {
    "metric_samples": timedelta(days=3),
    "events": timedelta(days=7),
    "collections": timedelta(days=7),
    "entity_changes": timedelta(days=7),
}
"""When a chunk counts as full: it is compressed once, then, and what comes later stays beside it uncompressed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a plan as the server gets it: why, and whether the database must be named for it."""

    text: str
    why: str
    destructive: bool = False
    shown: str | None = None
    """The statement for people, where the one that is run holds a secret."""
    can_wait: bool = False
    """Whether a lock in the way is a reason to leave it for another time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to which database, and what there is to say about it."""

    database: str
    tier: Tier
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    guarded: str = "this deletes rows or rewrites tables"

    @property
    def destructive(self) -> bool:
        """Whether any step takes rows away or rewrites a table."""
        return any(step.destructive for step in self.steps)


Planner = Callable[[Connection, RetentionSettings], Plan]


@contextmanager
def connected(settings: PostgresSettings, *, operation: str = "keep", migrated: bool = True) -> Iterator[Connection]:
    """A connection in autocommit without time limit, the database waited for as long as `patience_s` says.

    Raises DatabaseUnavailable, DatabaseRefused; SchemaOutdated unless the tables are of this version's revision.
    """
    with querying(settings, _APPLICATION, operation=operation) as engine, engine.connect() as pooled:
        connection = driver(pooled)
        connection.autocommit = True
        connection.execute(SQL["no_time_limit"])
        if migrated:
            require_revision(connection, operation=operation)
        try:
            yield connection
        finally:
            # Its session is not what the pool lends: nobody gets it again.
            pooled.invalidate()


def require_revision(connection: Connection, *, operation: str) -> None:
    """Raise SchemaOutdated unless the tables are of this version's revision."""
    try:
        row = connection.execute(SQL["read_revision"]).fetchone()
    except psycopg.errors.UndefinedTable:
        row = None
    if row is None or row[0] != REVISION:
        found = "no tables of Infrastructor" if row is None else f"revision {row[0]}"
        raise SchemaOutdated(
            f"the database has {found}, this version needs {REVISION}: run `infrastructor db migrate`",
            operation=operation,
        )


def apply(connection: Connection, plan: Plan, *, named: str | None) -> tuple[str, ...]:
    """Run a plan, statement by statement; return what was left for another time.

    Raises InputInvalid when it destroys and `named` is another database; psycopg.Error.
    """
    if named is not None and named != plan.database:
        raise InputInvalid(
            f"connected to the database {plan.database!r}, not {named!r}: check INFRASTRUCTOR_DATABASE__*",
            operation="keep",
        )
    if plan.destructive and named is None:
        raise InputInvalid(
            f"{plan.guarded}: say which database is meant with --database {plan.database}, or look first with "
            "--dry-run",
            operation="keep",
        )
    return tuple(left for step in plan.steps if (left := _run(connection, step)))


def _run(connection: Connection, step: Step) -> str | None:
    try:
        connection.execute(step.text.encode())
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        if not step.can_wait:
            raise
        if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            connection.rollback()
        return f"left for another time: {step.why} ({str(error).splitlines()[0]})"
    return None


def plan_hypertables(connection: Connection, _: RetentionSettings) -> Plan:
    """Tables that are not yet hypertables become some; those with rows are rewritten."""
    found, render = _begun(connection)
    if found is Tier.PLAIN:
        return Plan(_name(connection), found, (), ("plain PostgreSQL: ordinary tables with the same keys",))
    filled = {row[0] for row in connection.execute(SQL["filled_tables"]).fetchall()}
    steps: list[Step] = []
    for table in tier.ordinary_tables(connection):
        moved = table in filled
        text = render("move_into_hypertable" if moved else "create_hypertable", table=table, chunk=CHUNK)
        why = f"{table}: {'it holds rows, rewrite it in' if moved else 'in'} chunks of {CHUNK}"
        steps.append(Step(text, why, destructive=moved))
    return Plan(_name(connection), found, tuple(steps))


def plan_compression(connection: Connection, settings: RetentionSettings) -> Plan:
    """Chunks are compressed once when they are full; on TimescaleDB community only."""
    found, render = _begun(connection)
    if found is not Tier.COMMUNITY:
        return Plan(_name(connection), found, (), ("compression needs TimescaleDB community; nothing to do",))
    enabled = {row[0] for row in connection.execute(SQL["columnstores"]).fetchall()}
    policies = {row[0]: row for row in _policies(connection) if row[1] == "policy_compression"}
    ordinary = tier.ordinary_tables(connection)
    steps: list[Step] = []
    for table, after in _full_after(connection, settings).items():
        if table in ordinary:
            continue
        if table not in enabled:
            steps.append(Step(render(f"columnstore_{table}"), f"{table}: how its chunks lie when compressed"))
        policy = policies.get(table)
        if policy is not None and policy[2] != after:
            steps.append(Step(render("remove_compression_policy", table=table), f"{table}: another time"))
        if policy is None or policy[2] != after:
            why = f"{table}: compress chunks older than {after.days} days"
            steps.append(Step(render("add_compression_policy", table=table, after=after), why))
        if policy is None or policy[2] != after or policy[3] != "false":
            steps.append(Step(render("compress_once", table=table), f"{table}: compressed chunks are left alone"))
    return Plan(_name(connection), found, tuple(steps), _left(ordinary))


def plan_retention(connection: Connection, settings: RetentionSettings) -> Plan:
    """Rows that are too old go: by policies that drop chunks, or by the sink's own job."""
    found, render = _begun(connection)
    asked = _policies(connection) if found is Tier.COMMUNITY else []
    policies = {row[0]: row[2] for row in asked if row[1] == "policy_retention"}
    noted = {row[0]: row[1:] for row in connection.execute(SQL["read_retention"]).fetchall()}
    by_policy = _chunked(connection) if found is Tier.COMMUNITY else set()
    steps: list[Step] = []
    if found is Tier.COMMUNITY:
        steps += _windows(connection, render, settings.keeps())
    for table, keep in settings.keeps().items():
        kept_by = "timescaledb" if table in by_policy else "sink"
        if table in by_policy and policies.get(table) != keep:
            steps += _policy_steps(render, table, keep=keep, before=policies.get(table))
        if noted.get(table) != (keep, kept_by):
            text = render("set_retention", table=table, keep=keep, kept_by=kept_by)
            steps.append(
                Step(text, f"{table}: {_words(keep)}, by {kept_by}", destructive=keep is not None and kept_by == "sink")
            )
    return Plan(_name(connection), found, tuple(steps))


Render = Callable[..., str]


def _begun(connection: Connection) -> tuple[Tier, Render]:
    cursor = psycopg.ClientCursor(connection)

    def render(statement: str, **parameters: object) -> str:
        return cursor.mogrify(SQL[statement], parameters or None)

    return tier.server(connection).tier, render


def _name(connection: Connection) -> str:
    row = connection.execute(SQL["connected_database"]).fetchone()
    return str(row[0]) if row else ""


def _policies(connection: Connection) -> list[tuple[str, str, timedelta, str | None, int]]:
    return connection.execute(SQL["policies"]).fetchall()


def _chunked(connection: Connection) -> set[str]:
    """Tables and continuous aggregates whose chunks a policy can drop."""
    keepers: dict[str, str] = dict(connection.execute(SQL["keepers_of_rollups"]).fetchall())
    hypertables = {row[0] for row in connection.execute(SQL["hypertables"]).fetchall()}
    return hypertables | {name for name, kept_by in keepers.items() if kept_by == "timescaledb"}


def _full_after(connection: Connection, settings: RetentionSettings) -> dict[str, timedelta]:
    """By table; a rollup is full when late samples are taken up no more, which is when its source is deleted."""
    keeps, chunked = settings.keeps(), _chunked(connection)
    rollups = {
        rollup.name: source
        for rollup in ROLLUPS[:2]
        if rollup.name in chunked and (source := keeps[rollup.source]) is not None
    }
    return {table: after for table, after in FULL_AFTER.items() if table in chunked} | rollups


def _windows(connection: Connection, render: Render, keeps: Mapping[str, timedelta | None]) -> Iterator[Step]:
    """Rollups take up late samples only for as long as their source is whole."""
    windows: dict[str, timedelta] = dict(connection.execute(SQL["refresh_policies"]).fetchall())
    for rollup in ROLLUPS:
        start = rollup.late_window(keeps[rollup.source])
        if windows.get(rollup.name, start) != start:
            yield Step(render("remove_refresh_policy", rollup=rollup.name), f"{rollup.name}: another window")
            why = f"{rollup.name}: take up late samples of {start.days} days"
            yield Step(render(f"policy_{rollup.short}", start=start), why)


def _policy_steps(render: Render, table: str, *, keep: timedelta | None, before: timedelta | None) -> Iterator[Step]:
    if before is not None:
        yield Step(render("remove_retention_policy", table=table), f"{table}: kept for another time")
    if keep is None:
        return
    rollup = next((rollup for rollup in ROLLUPS if rollup.source == table), None)
    if rollup is not None and before is None:
        yield Step(render("refresh_rollup", rollup=rollup.name), f"{rollup.name}: whole before its source is dropped")
    yield Step(render("add_retention_policy", table=table, keep=keep), f"{table}: {_words(keep)}", destructive=True)


def _words(keep: timedelta | None) -> str:
    return "kept for good" if keep is None else f"kept for {keep.days} days"


def _left(ordinary: list[str]) -> tuple[str, ...]:
    if not ordinary:
        return ()
    return (f"no hypertables: {', '.join(ordinary)}; run `infrastructor db hypertables create`",)
