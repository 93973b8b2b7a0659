"""Drives: health, counts that rose beyond what is accepted, temperature, self-tests; appeared, vanished, replaced."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from schemas.drive import Drive, DriveHappening, DriveHealth, DriveHealthChanged, DriveObservedData, SmartctlExit
from schemas.drive import DriveHealthData as Data
from schemas.fields import Scalar
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
)
from streams.entity_status.drive_values import COUNTS, accepted_count, is_warning, values_of, worse
from streams.entity_status.state import MOST_DRIVES, KnownDrive

_TEMPERATURE_WARNING = 0b10
"""Of NVMe's critical warning; temperature is judged by itself. NVM Express Base Specification, SMART log page."""

_FAILING = SmartctlExit.FAILING | SmartctlExit.PREFAIL_NOW


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a drive."""

    what: DriveHappening
    summary: str
    before: Facts
    after: Facts


def compare_drives(
    known: Mapping[str, KnownDrive], data: DriveObservedData, sight: Sight
) -> Compared[dict[str, KnownDrive]]:
    """What happened to a device's drives between two looks."""
    seen, all_there = admitted(
        ((one.id, one) for one in data.drives), known, most=MOST_DRIVES, wrong=lambda one: one.passed is False
    )
    after = dict(known)
    changes: list[Change] = []
    for name, drive in seen:
        before = known.get(name)
        accepted = sight.accepted.get(name, {})
        after[name] = _after(before, drive, sight, accepted=accepted)
        happened = list(_happened(before, after[name], drive, sight=sight, accepted=accepted))
        changes += [_change(name, before, after[name], one=one, sight=sight) for one in happened]
    new = {(one.path, one.device_type): one for name, one in seen if name not in known}
    for name in gone(known, (one.id for one in data.drives), complete=data.complete):
        changes.append(_gone(name, after.pop(name), new, sight=sight))
    return Compared(after, tuple(changes), () if all_there else (TOO_MANY,))


def accept(
    known: Mapping[str, KnownDrive], name: str, sight: Sight, *, operator: str
) -> Compared[dict[str, KnownDrive]]:
    """An operator accepted values of a drive: it may be healthy by them."""
    before = known.get(name)
    if before is None:
        return Compared(dict(known))
    accepted = sight.accepted.get(name, {})
    after = replace(before, status=_status(before, sight, accepted=accepted))
    changes: tuple[Change, ...] = ()
    if before.status == "warning" and after.status == "healthy":
        agreed = {one: value for one, value in before.values.items() if one in accepted}
        summary = f"{_title(name, after)} is healthy: {operator} accepted it as it is"
        one = Happening("health_recovered", summary, facts(status=before.status), facts(status="healthy") | agreed)
        changes = (_change(name, before, after, one=one, sight=sight),)
    return Compared({**known, name: after}, changes)


def is_heard(drive: Drive) -> bool:
    """Whether the drive answered at all: not while it sleeps, nor when it could not be opened."""
    return not drive.standby and not (drive.passed is None and drive.power_on_hours is None and not values_of(drive))


def _after(before: KnownDrive | None, drive: Drive, sight: Sight, *, accepted: Mapping[str, Scalar]) -> KnownDrive:
    known = before or KnownDrive("unknown", drive.path)
    known = replace(
        known,
        path=drive.path,
        device_type=drive.device_type,
        serial=drive.serial or known.serial,
        model=drive.model or known.model,
    )
    if not is_heard(drive):
        return known
    test = drive.self_tests[0] if drive.self_tests else None
    failing = _failing(drive)
    known = replace(
        known,
        failing=known.failing if failing is None else failing,
        values={**known.values, **values_of(drive)},
        out_of_range=_out_of_range(drive, sight, was_out=known.out_of_range),
        # A test that was aborted or still runs has neither passed nor failed.
        test=known.test if test is None or test.passed is None else f"{test.kind} {test.power_on_hours}",
        test_passed=known.test_passed if test is None or test.passed is None else test.passed,
    )
    return replace(known, status=_status(known, sight, accepted=accepted, heard=True))


def _failing(drive: Drive) -> bool | None:
    status, warning = drive.exit_status, drive.critical_warning
    if drive.passed is False or (status or 0) & _FAILING or (warning or 0) & ~_TEMPERATURE_WARNING:
        return True
    return None if drive.passed is None and warning is None else False


def _status(known: KnownDrive, sight: Sight, *, accepted: Mapping[str, Scalar], heard: bool = False) -> DriveHealth:
    if known.failing:
        return "failing"
    if known.status == "unknown" and not heard:
        return "unknown"
    warning = known.out_of_range or known.test_passed is False or is_warning(known.values, accepted, sight.policy)
    return "warning" if warning else "healthy"


def _range(drive: Drive, sight: Sight) -> tuple[float, float]:
    """From which temperature to which a drive may be."""
    policy = sight.policy
    high = policy.solid_state_hot_celsius if _is_solid(drive) else policy.disk_hot_celsius
    if drive.temperature_limit_celsius is not None:
        high = drive.temperature_limit_celsius - policy.drive_limit_margin_celsius
    return policy.drive_cold_celsius, high


def _is_solid(drive: Drive) -> bool:
    return drive.protocol == "NVMe" or drive.rotation_rpm == 0


def _out_of_range(drive: Drive, sight: Sight, *, was_out: bool) -> bool:
    if drive.temperature_celsius is None:
        return was_out
    low, high = _range(drive, sight)
    inside = sight.policy.drive_hysteresis_celsius if was_out else 0.0
    return not low + inside <= drive.temperature_celsius <= high - inside


def _happened(
    before: KnownDrive | None, after: KnownDrive, drive: Drive, *, sight: Sight, accepted: Mapping[str, Scalar]
) -> Iterator[Happening]:
    title = _title(drive.id, after)
    if before is None and sight.settled:
        where = facts(path=drive.path, serial=drive.serial, model=drive.model, status=after.status)
        yield Happening("appeared", f"{title} appeared as {drive.path}, and is {after.status}", {}, where)
    if not is_heard(drive):
        return
    yield from _health(before, after, drive, title=title)
    if before is None and after.failing:
        # It is told once, with all that is wrong with it.
        return
    for what, said, was, now in worse(before.values if before else {}, after.values, accepted, policy=sight.policy):
        yield Happening(what, f"{title} {said}", was, now)
    if before is not None and (pending := after.values.get("pending_sectors")) is not None:
        earlier = before.values.get("pending_sectors", 0)
        if pending < earlier and earlier > accepted_count(accepted, "pending_sectors"):
            said = f"{title} has {pending} pending sectors left of {earlier}: the others were written anew or moved"
            yield Happening("pending_fell", said, {"pending_sectors": earlier}, {"pending_sectors": pending})
    yield from _temperature(before, after, drive, sight=sight)
    yield from _self_test(before, after, drive, title=title)


def _health(before: KnownDrive | None, after: KnownDrive, drive: Drive, *, title: str) -> Iterator[Happening]:
    was = before.failing if before else None
    now = facts(passed=drive.passed, critical_warning=drive.critical_warning, exit_status=drive.exit_status)
    if after.failing and not was:
        counted = {name: value for name, value in after.values.items() if value and name in COUNTS}
        many = ", ".join(f"{value} {COUNTS[name].noun}" for name, value in counted.items())
        said = f"{title} says that it is failing{': ' if many else ''}{many}"
        yield Happening("health_failed", said, facts(failing=was), now | counted)
    elif was and not after.failing:
        yield Happening("health_recovered", f"{title} no longer says that it is failing", facts(failing=True), now)


def _temperature(before: KnownDrive | None, after: KnownDrive, drive: Drive, *, sight: Sight) -> Iterator[Happening]:
    was = before.out_of_range if before else False
    if was == after.out_of_range:
        return
    degrees, (low, high) = drive.temperature_celsius, _range(drive, sight)
    now = facts(temperature_celsius=degrees, low_celsius=low, high_celsius=high)
    title = _title(drive.id, after)
    if after.out_of_range and degrees is not None:
        side = f"too hot: {degrees:g} °C, above {high:g}" if degrees > high else f"cold: {degrees:g} °C, below {low:g}"
        yield Happening("temperature_out_of_range", f"{title} is {side}", facts(out_of_range=was), now)
    elif degrees is not None:
        said = f"{title} is at {degrees:g} °C, within its range again"
        yield Happening("temperature_in_range", said, facts(out_of_range=was), now)


def _self_test(before: KnownDrive | None, after: KnownDrive, drive: Drive, *, title: str) -> Iterator[Happening]:
    if not drive.self_tests or after.test is None or (before is not None and before.test == after.test):
        return
    test = drive.self_tests[0]
    failed_before = before is not None and before.test_passed is False
    was = facts(self_test="failed" if failed_before else None)
    now = facts(
        self_test=test.result,
        kind=test.kind,
        power_on_hours=test.power_on_hours,
        first_error_block=test.first_error_block,
    )
    if test.passed is False:
        yield Happening("self_test_failed", f"{title} failed a self-test ({test.kind}): {test.result}", was, now)
    elif test.passed and failed_before:
        yield Happening("self_test_passed", f"{title} passed a self-test ({test.kind}) again", was, now)


def _title(name: str, known: KnownDrive) -> str:
    return f"{known.model} ({known.serial or name})" if known.model else name


def _gone(name: str, before: KnownDrive, new: Mapping[tuple[str, str | None], Drive], *, sight: Sight) -> Change:
    after = replace(before, status="gone")
    successor = new.get((before.path, before.device_type))
    was = facts(path=before.path, serial=before.serial, model=before.model, status=before.status)
    if successor is None:
        one = Happening("vanished", f"{_title(name, before)} vanished: it was {before.path}", was, facts(status="gone"))
    else:
        other = f"{successor.model} ({successor.id})" if successor.model else successor.id
        said = f"{_title(name, before)} was replaced by {other} as {before.path}"
        now = facts(path=successor.path, serial=successor.serial, model=successor.model, status="gone")
        one = Happening("replaced", said, was, now)
    return _change(name, before, after, one=one, sight=sight)


def _change(name: str, before: KnownDrive | None, after: KnownDrive, *, one: Happening, sight: Sight) -> Change:
    data = Data(
        entity=entity_name(name),
        what=one.what,
        previous=before.status if before else None,
        status=after.status,
        before=one.before,
        after=one.after,
        summary=one.summary,
        since=sight.at,
        evidence=sight.evidence,
        path=after.path,
        serial=after.serial,
        model=after.model,
    )
    return Change(DriveHealthChanged, data, (name,))
