"""Services: failed, recovered, restarting in a loop; started and stopped where somebody installed the unit."""

from collections.abc import Mapping
from datetime import datetime

from schemas.service import Service, ServiceHappening, ServiceObservedData, ServiceStatus, ServiceStatusChanged
from schemas.service import ServiceStatusData as Data
from streams.entity_status.change import (
    TOO_MANY,
    Change,
    Compared,
    Facts,
    Sight,
    admitted,
    differing,
    entity_name,
    facts,
    gone,
    plural,
)
from streams.entity_status.rises import risen_by, total, within
from streams.entity_status.state import MOST_SERVICES, KnownService

_INSTALLED = frozenset({"enabled", "enabled-runtime", "disabled", "linked", "linked-runtime", "alias", "indirect"})
"""UnitFileState of what an administrator starts and stops; static and generated units come and go by themselves."""

_Told = tuple[ServiceHappening, str]
"""What happened, and the sentence."""


def compare_services(
    known: Mapping[str, KnownService], data: ServiceObservedData, sight: Sight
) -> Compared[dict[str, KnownService]]:
    """What happened to a device's units between two looks."""
    seen, all_there = admitted(
        ((one.unit, one) for one in data.services),
        known,
        most=MOST_SERVICES,
        wrong=lambda one: one.active_state == "failed" or one.sub_state == "auto-restart",
    )
    after = dict(known)
    changes: list[Change] = []
    for unit, service in seen:
        before = known.get(unit)
        after[unit] = _after(before, service, sight)
        changes += _happened(before, after[unit], service, sight=sight)
    for unit in gone(known, (one.unit for one in data.services), complete=data.complete):
        before = after.pop(unit)
        if before.trouble is not None or not before.minor:
            told: _Told = ("removed", f"{unit} is no longer there: it was removed, or stopped and unloaded")
            changes.append(_change(unit, told, previous=before.status, status="removed", sight=sight))
    return Compared(after, tuple(changes), () if all_there else (TOO_MANY,))


def _resting(service: Service) -> ServiceStatus | None:
    """The status of a unit that is not on its way from one to another."""
    match service.active_state:
        case "active" | "reloading" | "refreshing":
            return "active"
        case "inactive" | "failed":
            return service.active_state
        case _:
            return None


def _after(before: KnownService | None, service: Service, sight: Sight) -> KnownService:
    policy = sight.policy
    restarting = service.active_state == "activating" and service.sub_state == "auto-restart"
    by = risen_by(before.restarts if before else None, service.restarts)
    if before is None and restarting and (service.restarts or 0) >= policy.restart_loop_restarts:
        # Seen for the first time between two restarts after many: it is in a loop already.
        by = service.restarts or 0
    rises = within(before.rises if before else (), by=by, at=sight.at, seconds=policy.restart_loop_seconds)
    rest = _resting(service)
    trouble: ServiceStatus | None
    if rest == "failed":
        trouble = "failed"
    elif total(rises) >= policy.restart_loop_restarts and rest != "inactive":
        trouble = "restarting"
    else:
        # On its way: whether it recovers is seen when it rests.
        trouble = before.trouble if before and rest is None else None
    status = trouble or rest or (before.status if before else "changing")
    restarts = service.restarts if service.restarts is not None else before.restarts if before else None
    return KnownService(status, _is_minor(service), restarts, trouble, rises)


def _is_minor(service: Service) -> bool:
    return not service.unit.endswith((".service", ".timer")) or service.enabled not in _INSTALLED


def _happened(before: KnownService | None, after: KnownService, service: Service, *, sight: Sight) -> list[Change]:
    told = _what(before, after, service, sight=sight)
    if told is None:
        return []
    earlier = facts(status=before.status, restarts=before.restarts) if before else {}
    now = facts(status=after.status, restarts=after.restarts)
    if told[0] in ("failed", "restart_loop"):
        now |= facts(sub_state=service.sub_state, result=service.result, exit_code=service.exit_code)
    return [
        _change(
            service.unit,
            told,
            previous=before.status if before else None,
            status=after.status,
            sight=sight,
            since=service.active_since if after.status == "active" else service.inactive_since,
            before=earlier,
            after=now,
            ended=service if after.status != "active" else None,
        )
    ]


def _what(before: KnownService | None, after: KnownService, service: Service, *, sight: Sight) -> _Told | None:
    """What is to be told of a unit, and the sentence."""
    trouble = before.trouble if before else None
    if after.trouble != trouble:
        return _troubled(after, service)
    if after.trouble is not None:
        return None
    if before is None:
        fresh = sight.settled and not after.minor
        return ("appeared", f"{service.unit} is new: it is {after.status}") if fresh else None
    return _moved(before, after, service)


def _troubled(after: KnownService, service: Service) -> _Told:
    match after.trouble:
        case "failed":
            return "failed", f"{service.unit} failed{_why(service)}"
        case "restarting":
            times = f": {plural(service.restarts, 'restart')} so far" if service.restarts else ""
            return "restart_loop", f"{service.unit} restarts in a loop{times}{_why(service)}"
        case _:
            return "recovered", f"{service.unit} recovered: it is {after.status}"


def _moved(before: KnownService, after: KnownService, service: Service) -> _Told | None:
    """What is told of a unit that is, and was, in no trouble."""
    unit = service.unit
    by = risen_by(before.restarts, service.restarts)
    if by:
        return "restarted", f"{unit} was restarted by systemd{'' if by == 1 else f' {by} times'}"
    match (before.status, after.status):
        case ("inactive", "active") if not after.minor:
            return "started", f"{unit} was started"
        case ("active", "inactive") if not after.minor:
            return "stopped", f"{unit} stopped"
        case _:
            return None


def _why(service: Service) -> str:
    """How it ended, for the end of a sentence."""
    parts = []
    if service.exit_code:
        parts.append(f"with exit code {service.exit_code}")
    elif service.result and service.result not in ("success", "exit-code"):
        parts.append(f"({service.result})")
    if service.restarts and service.active_state == "failed":
        parts.append(f"after {plural(service.restarts, 'restart')}")
    return "".join(f" {part}" for part in parts)


def _change(
    unit: str,
    told: _Told,
    *,
    previous: ServiceStatus | None,
    status: ServiceStatus,
    sight: Sight,
    since: datetime | None = None,
    before: Facts | None = None,
    after: Facts | None = None,
    ended: Service | None = None,
) -> Change:
    earlier, now = differing(before or facts(status=previous), after or facts(status=status))
    data = Data(
        entity=entity_name(unit),
        what=told[0],
        previous=previous,
        status=status,
        before=earlier,
        after=now,
        summary=told[1],
        since=sight.since(since),
        evidence=sight.evidence,
        result=ended.result if ended else None,
        exit_code=ended.exit_code if ended else None,
    )
    return Change(ServiceStatusChanged, data, (unit,))
