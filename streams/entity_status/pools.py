"""Pools: state, failed and replaced devices, errors, scrubs and resilvers, how full they are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from schemas.pool import Pool, PoolHappening, PoolHealth, PoolHealthChanged, PoolObservedData
from schemas.pool import PoolHealthData as Data
from streams.entity_status.change import (
    TOO_MANY,
    Change,
    Compared,
    Facts,
    Sight,
    admitted,
    entity_name,
    facts,
    gone,
    listed,
    plural,
)
from streams.entity_status.pool_devices import bad_devices, device_happenings, in_words, known_devices, next_told
from streams.entity_status.state import MOST_POOLS, KnownPool

_FAILED = frozenset({"faulted", "unavail", "suspended", "removed"})


@dataclass(frozen=True, slots=True)
class _Happening:
    what: PoolHappening
    summary: str
    before: Facts
    after: Facts
    device: str | None = None
    since: datetime | None = None


def compare_pools(
    known: Mapping[str, KnownPool], data: PoolObservedData, sight: Sight
) -> Compared[dict[str, KnownPool]]:
    """What happened to a device's pools between two looks."""
    seen, all_there = admitted(
        ((one.name, one) for one in data.pools), known, most=MOST_POOLS, wrong=lambda one: one.state != "online"
    )
    after = dict(known)
    changes: list[Change] = []
    for name, pool in seen:
        before = known.get(name)
        if before is not None and before.guid and pool.guid and before.guid != pool.guid:
            # Another pool by the same name.
            changes.append(_vanished(name, before, sight))
            before = None
        after[name] = _after(before, pool, sight)
        for one in _happened(before, after[name], pool, sight=sight):
            changes.append(_change(name, before, after[name], one=one, sight=sight))
    for name in gone(known, (one.name for one in data.pools), complete=data.complete):
        changes.append(_vanished(name, after.pop(name), sight))
    return Compared(after, tuple(changes), () if all_there else (TOO_MANY,))


def _after(before: KnownPool | None, pool: Pool, sight: Sight) -> KnownPool:
    devices = known_devices(before.devices if before else {}, pool.devices)
    errors = pool.data_errors if pool.data_errors is not None else before.data_errors if before else 0
    checked_at = _checked_at(before, pool, sight)
    full = before.full if before else False
    if pool.capacity is not None:
        policy, share = sight.policy, pool.capacity
        full = share > policy.pool_roomy_ratio if full else share >= policy.pool_full_ratio
    running = pool.scan is not None and pool.scan.kind == "scrub" and pool.scan.state in ("running", "paused")
    age = sight.at - checked_at
    finished = pool.scan is not None and pool.scan.state == "finished"
    known = KnownPool(
        status="unknown",
        state=pool.state,
        guid=pool.guid or (before.guid if before else None),
        devices=devices,
        data_errors=errors,
        data_told=next_told(before.data_told if before else 0, errors),
        scan=_scan(pool) or (before.scan if before else None),
        scan_errors=(pool.scan.errors or 0) if pool.scan and finished else before.scan_errors if before else 0,
        checked_at=checked_at,
        overdue=not running and age > timedelta(seconds=sight.policy.scrub_overdue_seconds),
        full=full,
    )
    return replace(known, status=_status(known))


def _checked_at(before: KnownPool | None, pool: Pool, sight: Sight) -> datetime:
    """When the last scrub ended that is known of; of a pool without one, when it was first seen."""
    known = before.checked_at if before and before.checked_at else None
    scan = pool.scan
    if scan is not None and scan.kind == "scrub" and scan.state == "finished" and scan.ended_at is not None:
        return scan.ended_at
    return known or sight.at


def _scan(pool: Pool) -> str | None:
    scan = pool.scan
    if scan is None:
        return None
    at = scan.ended_at or scan.started_at
    return f"{scan.kind} {scan.state} {at.isoformat() if at else ''}".rstrip()


def _status(known: KnownPool) -> PoolHealth:
    if known.state in _FAILED:
        return "failed"
    if known.state == "degraded":
        return "degraded"
    wrong = (
        known.data_errors
        or known.scan_errors
        or known.overdue
        or known.full
        or bad_devices(known.devices)
        or any(one.errors for one in known.devices.values())
    )
    return "warning" if wrong or known.state != "online" else "healthy"


def _happened(before: KnownPool | None, after: KnownPool, pool: Pool, *, sight: Sight) -> Iterator[_Happening]:
    if before is None and sight.settled:
        said = f"pool {pool.name} appeared, and is {pool.state}"
        yield _Happening("appeared", said, {}, facts(state=pool.state, guid=pool.guid))
    yield from _state(before, after, pool)
    silent = before is None and pool.state != "online"
    if not silent:
        # Of a pool that is first seen while it is degraded, its state says which devices; that is enough.
        for change in device_happenings(before.devices if before else None, after.devices, pool=pool):
            yield _Happening(change.what, change.summary, change.before, change.after, change.device)
    yield from _data_errors(before, after, pool)
    yield from _scrub(before, after, pool, sight=sight)
    yield from _capacity(before, after, pool, sight=sight)


def _state(before: KnownPool | None, after: KnownPool, pool: Pool) -> Iterator[_Happening]:
    if after.state == (before.state if before else "online"):
        return
    bad = bad_devices(after.devices)
    names = ", ".join(f"{name} is {in_words(after.devices[name].state)}" for name in bad[:3])
    because = f": {names}" + (f" and {len(bad) - 3} more" if len(bad) > 3 else "") if bad else ""
    said = f"pool {pool.name} is {in_words(after.state)}{because}"
    if before is not None and after.state == "online":
        said = f"pool {pool.name} is online again"
    yield _Happening("state_changed", said, facts(state=before.state if before else None), facts(state=after.state))


def _data_errors(before: KnownPool | None, after: KnownPool, pool: Pool) -> Iterator[_Happening]:
    was, told = (before.data_errors, before.data_told) if before else (0, 0)
    if after.data_told > told:
        said = f"pool {pool.name} has {plural(after.data_errors, 'error')} in its data: files are damaged"
        yield _Happening("errors_rose", said, facts(data_errors=was), facts(data_errors=after.data_errors))
    devices = before.devices if before else {}
    had = was + sum(one.errors for one in devices.values())
    has = after.data_errors + sum(one.errors for one in after.devices.values())
    if had and not has:
        yield _Happening(
            "errors_cleared", f"pool {pool.name} counts no errors any more", facts(errors=had), {"errors": 0}
        )


def _scrub(before: KnownPool | None, after: KnownPool, pool: Pool, *, sight: Sight) -> Iterator[_Happening]:
    scan = pool.scan
    if scan is not None and after.scan != (before.scan if before else None):
        was = facts(scan=before.scan if before else None)
        now = facts(scan=after.scan, errors=scan.errors, repaired_bytes=scan.repaired_bytes)
        told = before is not None
        if scan.state == "finished" and scan.errors:
            said = f"the {scan.kind} of pool {pool.name} finished with {plural(scan.errors, 'error')}"
            yield _Happening("scrub_found_errors", said, was, now, since=scan.ended_at)
        elif scan.state == "finished" and told:
            repaired = f", {scan.repaired_bytes} bytes repaired" if scan.repaired_bytes else ""
            said = f"the {scan.kind} of pool {pool.name} finished without errors{repaired}"
            yield _Happening(
                "scrub_finished" if scan.kind == "scrub" else "resilver_finished", said, was, now, since=scan.ended_at
            )
        elif scan.kind == "resilver" and scan.state == "running" and (told or sight.settled):
            said = f"pool {pool.name} is resilvering: it writes to a device what is missing there"
            yield _Happening("resilver_started", said, was, now, since=scan.started_at)
    if after.overdue and not (before and before.overdue) and after.checked_at is not None:
        days = (sight.at - after.checked_at).days
        said = f"pool {pool.name} was not scrubbed for {plural(days, 'day')}"
        yield _Happening("scrub_overdue", said, {}, facts(checked_at=after.checked_at.isoformat(), days=days))


def _capacity(before: KnownPool | None, after: KnownPool, pool: Pool, *, sight: Sight) -> Iterator[_Happening]:
    was = before.full if before else False
    if was == after.full or pool.capacity is None:
        return
    now = facts(capacity=pool.capacity)
    if after.full:
        limit = sight.policy.pool_full_ratio
        said = f"pool {pool.name} is {pool.capacity:.0%} full"
        yield _Happening("capacity_high", said, facts(limit=limit), now)
    else:
        yield _Happening(
            "capacity_normal", f"pool {pool.name} is {pool.capacity:.0%} full, no longer too much", {}, now
        )


def _vanished(name: str, before: KnownPool, sight: Sight) -> Change:
    leaves = listed(sorted(before.devices), 3)
    said = f"pool {name} vanished: it was exported, destroyed, or its devices are gone ({leaves})"
    one = _Happening("vanished", said, facts(state=before.state, guid=before.guid), facts(status="gone"))
    return _change(name, before, replace(before, status="gone"), one=one, sight=sight)


def _change(name: str, before: KnownPool | None, after: KnownPool, *, one: _Happening, sight: Sight) -> Change:
    data = Data(
        entity=entity_name(name),
        what=one.what,
        previous=before.status if before else None,
        status=after.status,
        before=one.before,
        after=one.after,
        summary=one.summary,
        since=sight.since(one.since),
        evidence=sight.evidence,
        device=one.device,
    )
    return Change(PoolHealthChanged, data, (name, after.guid or "", one.device or ""))
