"""Settings of the server that hurt: each with what it is, what it should be, and why."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sinks.timescale.inspection.findings import Finding, Level

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as the server shows it, and as a number (bytes, milliseconds or as it stands) where it is one."""

    shown: str
    number: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A setting, when it hurts, what it should be and why."""

    name: str
    hurts: Callable[[Setting], bool]
    should: str
    why: str
    level: Level = Level.WARN


def _off(setting: Setting) -> bool:
    return setting.shown == "off"


def _on(setting: Setting) -> bool:
    return setting.shown == "on"


def _below(least: float) -> Callable[[Setting], bool]:
    return lambda setting: setting.number is not None and setting.number < least


_LOST = "after a crash of the machine the database may be damaged beyond repair"

RULES = (
    Rule("fsync", _off, "on", _LOST, Level.FAIL),
    Rule("full_page_writes", _off, "on", _LOST, Level.FAIL),
    Rule("ignore_checksum_failure", _on, "off", "damaged pages are read as if they were whole", Level.FAIL),
    Rule("zero_damaged_pages", _on, "off", "damaged pages are emptied without an error", Level.FAIL),
    Rule("autovacuum", _off, "on", "dead rows are never given back, and plans are made from old figures", Level.FAIL),
    Rule("track_counts", _off, "on", "autovacuum does not know where there is something to do", Level.FAIL),
    Rule(
        "timescaledb.restoring",
        _on,
        "off",
        "while it is on, TimescaleDB runs no policy (timescaledb_post_restore)",
        Level.FAIL,
    ),
    Rule("shared_buffers", _below(128 * MIB), "128MB or more, a quarter of the memory", "the newest chunks do not fit"),
    Rule(
        "max_wal_size",
        _below(512 * MIB),
        "512MB or more, 4GB on a server of its own",
        "checkpoints follow each other while much is stored, and write each page again",
    ),
    Rule("work_mem", _below(4 * MIB), "4MB or more", "sorts of the dashboards' queries go through files"),
    Rule(
        "checkpoint_completion_target", _below(0.5), "0.9", "checkpoints come as one burst of writes, and storing waits"
    ),
    Rule(
        "password_encryption",
        lambda setting: setting.shown == "md5",
        "scram-sha-256",
        "new passwords are kept as MD5, which can be replayed",
    ),
    Rule(
        "max_locks_per_transaction",
        _below(64),
        "64 or more, 256 with many chunks",
        "a query over many chunks locks each of them",
    ),
)

_WORKERS = ("max_worker_processes", "timescaledb.max_background_workers", "max_parallel_workers")

ASKED = (*(rule.name for rule in RULES), *_WORKERS)
"""What has to be asked for."""


def judge(settings: Mapping[str, Setting]) -> list[Finding]:
    """Say which of the settings hurt; settings that the server does not have are passed over."""
    found = [_told(rule, settings[rule.name]) for rule in RULES if rule.name in settings and _hurts(rule, settings)]
    found += _workers(settings)
    if found:
        return found
    return [Finding("settings", Level.OK, f"{len(settings)} settings of the server are as they should be")]


def _hurts(rule: Rule, settings: Mapping[str, Setting]) -> bool:
    return rule.hurts(settings[rule.name])


def _told(rule: Rule, setting: Setting) -> Finding:
    return Finding("settings", rule.level, f"{rule.name} is {setting.shown}: {rule.why}", f"set it to {rule.should}")


def _workers(settings: Mapping[str, Setting]) -> Iterable[Finding]:
    """TimescaleDB's scheduler, its workers and parallel queries share one number of processes.

    Source: TimescaleDB, "Configuration", on timescaledb.max_background_workers.
    """
    processes, background, parallel = (settings.get(name, Setting("", None)).number for name in _WORKERS)
    if processes is None or background is None or parallel is None:
        return
    needed = 3 + background + parallel
    if processes < needed:
        yield Finding(
            "settings",
            Level.WARN,
            f"max_worker_processes is {processes:.0f}: policies of TimescaleDB may find no process to run in",
            f"set it to {needed:.0f} (3 + timescaledb.max_background_workers + max_parallel_workers)",
        )
