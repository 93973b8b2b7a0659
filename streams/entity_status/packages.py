"""Packages: security updates that wait, a reboot that is due, an index that is old."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.packages import PackagesHappening, PackagesObservedData, PackagesStatus, PackagesStatusChanged
from schemas.packages import PackagesStatusData as Data
from streams.entity_status.change import Change, Compared, Facts, Sight, facts, listed, plural
from streams.entity_status.state import KnownPackages


@dataclass(frozen=True, slots=True)
class _Happening:
    what: PackagesHappening
    summary: str
    before: Facts
    after: Facts


def compare_packages(
    known: Mapping[str, KnownPackages], data: PackagesObservedData, sight: Sight
) -> Compared[dict[str, KnownPackages]]:
    """What changed between two looks at what waits on a device, by one package manager."""
    before = known.get(data.manager)
    after = KnownPackages(
        _status(data),
        data.updates_count,
        data.security_count,
        data.reboot_required,
        data.running_kernel,
        _is_stale(data.index_updated_at, sight),
    )
    changes = tuple(
        Change(
            PackagesStatusChanged,
            Data(
                entity=data.manager,
                what=one.what,
                previous=before.status if before else None,
                status=after.status,
                before=one.before,
                after=one.after,
                summary=one.summary,
                since=sight.at,
                evidence=sight.evidence,
                updates_count=data.updates_count,
                security_count=data.security_count,
            ),
            (data.manager,),
        )
        for one in _happened(before, after, data)
    )
    return Compared({**known, data.manager: after}, changes)


def _status(data: PackagesObservedData) -> PackagesStatus:
    if data.reboot_required:
        return "reboot_required"
    if data.security_count:
        return "security_updates_waiting"
    return "updates_waiting" if data.updates_count else "current"


def _is_stale(updated_at: datetime | None, sight: Sight) -> bool:
    return updated_at is not None and sight.at - updated_at > timedelta(seconds=sight.policy.index_stale_seconds)


def _happened(before: KnownPackages | None, after: KnownPackages, data: PackagesObservedData) -> Iterator[_Happening]:
    yield from _updates(before, after, data)
    yield from _reboot(before, after, data)
    if after.stale and not (before and before.stale) and data.index_updated_at is not None:
        said = f"{data.manager}'s list of packages was last fetched on {data.index_updated_at:%Y-%m-%d}"
        yield _Happening("index_stale", said, {}, facts(index_updated_at=data.index_updated_at.isoformat()))


def _updates(before: KnownPackages | None, after: KnownPackages, data: PackagesObservedData) -> Iterator[_Happening]:
    """From none to some and back: how many more there are every day is a metric."""
    was_security, security = (before.security or 0) if before else 0, after.security or 0
    was, now = before.updates if before else 0, after.updates
    count = facts(updates_count=now, security_count=after.security)
    earlier = facts(updates_count=before.updates, security_count=before.security) if before else {}
    if security and not was_security:
        names = listed([one.name for one in data.updates if one.security])
        said = f"{plural(security, 'security update waits', 'security updates wait')}{': ' if names else ''}{names}"
        yield _Happening("security_updates_waiting", said, earlier, count)
    elif before is None:
        return
    elif now and not was:
        said = f"{plural(now, 'update waits', 'updates wait')}: {listed([one.name for one in data.updates])}"
        yield _Happening("updates_waiting", said, earlier, count)
    elif (was_security and not security) or (was and not now):
        rest = f"{plural(now, 'other update waits', 'other updates wait')}" if now else "nothing waits"
        what = "security updates" if now else "updates"
        yield _Happening("updated", f"{what} were installed, {rest}", earlier, count)


def _reboot(before: KnownPackages | None, after: KnownPackages, data: PackagesObservedData) -> Iterator[_Happening]:
    was = bool(before and before.reboot)
    kernel = before.kernel if before else None
    if after.reboot and not was:
        because = f", for {listed(list(data.reboot_because))}" if data.reboot_because else ""
        newer = data.installed_kernel and data.installed_kernel != data.running_kernel
        if newer and not because:
            because = f", for the kernel {data.installed_kernel}; {data.running_kernel} runs"
        now = facts(reboot_required=True, running_kernel=after.kernel, installed_kernel=data.installed_kernel)
        yield _Happening("reboot_required", f"a reboot is due{because}", facts(reboot_required=was), now)
    elif was and after.reboot is False:
        runs = f": {after.kernel} runs" if after.kernel else ""
        was_facts = facts(reboot_required=True, running_kernel=kernel)
        now = facts(reboot_required=False, running_kernel=after.kernel)
        yield _Happening("rebooted", f"no reboot is due any more{runs}", was_facts, now)
