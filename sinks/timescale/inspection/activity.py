"""What goes on in the server: connections, locks, open transactions, dead rows, standbys, jobs."""

from collections.abc import Callable, Iterable, Iterator

from sinks.timescale.inspection.asking import Asking
from sinks.timescale.inspection.findings import Finding, fail, ok, warn
from sinks.timescale.tier import Tier

DEAD_LEAST = 10_000
DEAD_SHARE = 0.2

_CONNECTIONS_WARN = 0.8
_CONNECTIONS_FAIL = 0.95
_LOCK_FAIL_S = 60
# autovacuum begins to freeze at 200 million; the server stops taking writes at 2 billion.
_AGE_WARN = 500_000_000
_AGE_FAIL = 1_500_000_000
_LAG_WARN_S = 30
_SLOT_WARN_BYTES = 1 << 30
_SHOWN = 5


def _connections(asked: Asking) -> Iterator[Finding]:
    used, most, here, _ = asked.row("connections")
    told = f"{used} of {most} connections in use, {here} of them to this database"
    advice = "raise max_connections, or put a pooler in front"
    if used >= _CONNECTIONS_FAIL * most:
        yield fail("connections", told, advice)
    elif used >= _CONNECTIONS_WARN * most:
        yield warn("connections", told, advice)
    else:
        yield ok("connections", told)


def _encryption(asked: Asking) -> Iterator[Finding]:
    encrypted, version, stays_here = asked.row("encryption")
    if encrypted:
        yield ok("encryption", f"the connection is encrypted ({version})")
    elif stays_here:
        yield ok("encryption", "not encrypted; the connection does not leave the machine")
    else:
        advice = "set INFRASTRUCTOR_DATABASE__SSLMODE=verify-full and INFRASTRUCTOR_DATABASE__SSLROOTCERT"
        yield warn("encryption", "the connection goes over the network in the clear, passwords apart", advice)


def _locks(asked: Asking) -> Iterator[Finding]:
    waiting = asked.rows("waiting")
    for pid, user, seconds, what, mode, blockers in waiting[:_SHOWN]:
        told = f"process {pid} ({user}) has waited {seconds:.0f} s for {mode} on {what}, held up by {_all(blockers)}"
        advice = "see what these do in pg_stat_activity; pg_terminate_backend(pid) ends one"
        yield (fail if seconds > _LOCK_FAIL_S else warn)("locks", told, advice)
    if not waiting:
        yield ok("locks", "nobody waits for a lock")


def _transactions(asked: Asking) -> Iterator[Finding]:
    found = asked.rows("open_transactions")
    for pid, user, application, state, seconds in found[:_SHOWN]:
        told = f"process {pid} ({user}, {application or 'unnamed'}) has a transaction open for {seconds:.0f} s, {state}"
        yield warn("transactions", told, "until it ends no row that died since is given back")
    if not found:
        yield ok("transactions", "none open for longer than five minutes")


def _bloat(asked: Asking) -> Iterator[Finding]:
    found = asked.rows("dead_rows", least=DEAD_LEAST, share=DEAD_SHARE)
    for table, live, dead, vacuumed in found[:_SHOWN]:
        when = f"last vacuumed {vacuumed:%Y-%m-%d %H:%M} UTC" if vacuumed else "never vacuumed"
        yield warn("bloat", f"{table}: {dead} dead rows beside {live} ({when})", "run `infrastructor db optimize`")
    if not found:
        yield ok("bloat", f"no table has more than {DEAD_SHARE:.0%} dead rows")


def _age(asked: Asking) -> Iterator[Finding]:
    (age,) = asked.row("age")
    told = f"the oldest row was frozen {age / 1e6:.0f} million transactions ago"
    advice = "find out what keeps autovacuum from freezing: open transactions, replication slots, or autovacuum off"
    if age > _AGE_FAIL:
        yield fail("wraparound", told, advice)
    elif age > _AGE_WARN:
        yield warn("wraparound", told, advice)
    else:
        yield ok("wraparound", told)


def _replication(asked: Asking) -> Iterator[Finding]:
    found = [_standby(*row) for row in asked.rows("standbys")]
    for (seconds,) in asked.rows("own_lag"):
        told = f"this standby is {seconds or 0:.0f} s behind"
        found.append(warn("replication", told) if (seconds or 0) > _LAG_WARN_S else ok("replication", told))
    for slot, kept in asked.rows("idle_slots"):
        if kept > _SLOT_WARN_BYTES:
            told = f"the slot {slot} is read by nobody and keeps {kept / 2**30:.1f} GiB of log"
            found.append(warn("replication", told, "drop it with pg_drop_replication_slot, or start its reader"))
    yield from found or [ok("replication", "no standby")]


def _standby(name: str, state: str, behind: float | None, seconds: float | None) -> Finding:
    told = f"{name}: {state}, {behind or 0:.0f} bytes and {seconds or 0:.1f} s behind"
    if state != "streaming" or (seconds or 0) > _LAG_WARN_S:
        return warn("replication", told, "look at the standby's log, its disk and the network between")
    return ok("replication", told)


def _jobs(asked: Asking) -> Iterator[Finding]:
    # The Apache edition lists a job of its own that it may not run, and none of ours.
    if asked.server.tier is not Tier.COMMUNITY:
        return
    failing = asked.rows("failing_jobs")
    for procedure, table, failures in failing:
        often = "once" if failures == 1 else f"{failures} times"
        told = f"{procedure} of {table or 'the database'} failed the last time, {often} so far"
        yield warn("jobs", told, "see timescaledb_information.job_errors")
    if not failing:
        yield ok("jobs", "no job of TimescaleDB failed the last time")


def _all(pids: Iterable[int]) -> str:
    return ", ".join(map(str, pids)) or "nobody now"


LOOKS: tuple[Callable[[Asking], Iterable[Finding]], ...] = (
    _connections,
    _encryption,
    _locks,
    _transactions,
    _bloat,
    _age,
    _replication,
    _jobs,
)
"""What is looked at, in the order in which it is shown."""
