"""What wears a drive down: counts, endurance and spare, against what was accepted of it."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from schemas.drive import Drive, DriveHappening
from schemas.fields import Scalar
from streams.entity_status.change import Facts
from streams.entity_status.policy import EntityPolicy


class _Counted(NamedTuple):
    what: DriveHappening
    noun: str


COUNTS: dict[str, _Counted] = {
    "reallocated_sectors": _Counted("reallocated_rose", "moved sectors"),
    "grown_defects": _Counted("reallocated_rose", "grown defects"),
    "pending_sectors": _Counted("pending_rose", "pending sectors"),
    "uncorrectable_sectors": _Counted("uncorrectable_rose", "uncorrectable sectors"),
    "reported_uncorrectable": _Counted("uncorrectable_rose", "uncorrectable errors reported"),
    "uncorrected_errors": _Counted("uncorrectable_rose", "uncorrected errors"),
    "media_errors": _Counted("media_errors_rose", "media errors"),
}
"""By the name of the field. None of them is accepted until an operator does."""

_WEAR = ("percentage_used", "wear_percent")
_SPARE = "available_spare_percent"
_FULL_SPARE = 100

Worse = tuple[DriveHappening, str, Facts, Facts]
"""What happened, the end of a sentence that begins with the drive, before and after."""


def values_of(drive: Drive) -> dict[str, int]:
    """The values that a drive gives now, by the names of their fields."""
    found: dict[str, int] = {}
    for name in (*COUNTS, *_WEAR, _SPARE):
        value = getattr(drive, name)
        if value is not None:
            found[name] = value
    return found


def accepted_count(accepted: Mapping[str, Scalar], name: str, default: int = 0) -> int:
    """The accepted value of a drive; of what nobody accepted, `default`."""
    value = accepted.get(name)
    return int(value) if isinstance(value, int | float) else default


def is_warning(values: Mapping[str, int], accepted: Mapping[str, Scalar], policy: EntityPolicy) -> bool:
    """Whether any value is worse than what is accepted."""
    return any(True for _ in worse({}, values, accepted, policy=policy))


def worse(
    before: Mapping[str, int], after: Mapping[str, int], accepted: Mapping[str, Scalar], *, policy: EntityPolicy
) -> Iterator[Worse]:
    """What became worse than it was, and than is accepted; of a drive without a before, what is worse than accepted.

    A count that goes down is not worse: the drive was reset, or counts anew.
    """
    yield from _counts(before, after, accepted)
    for name in _WEAR:
        if name not in after:
            continue
        best = max(before.get(name, 0), accepted_count(accepted, name))
        if _steps_up(after[name], policy) > _steps_up(best, policy):
            said = f"has used up {after[name]}% of the endurance it was made for"
            yield "wear_rose", said, _was(before, name), {name: after[name]}
            break
    if _SPARE in after:
        best = min(before.get(_SPARE, _FULL_SPARE), accepted_count(accepted, _SPARE, _FULL_SPARE))
        if _steps_down(after[_SPARE], policy) > _steps_down(best, policy):
            yield "spare_fell", f"has {after[_SPARE]}% of its spare left", _was(before, _SPARE), {_SPARE: after[_SPARE]}


def _counts(before: Mapping[str, int], after: Mapping[str, int], accepted: Mapping[str, Scalar]) -> Iterator[Worse]:
    risen = [
        name
        for name in COUNTS
        if name in after and after[name] > max(before.get(name, 0), accepted_count(accepted, name))
    ]
    for what in dict.fromkeys(COUNTS[name].what for name in risen):
        names = [name for name in risen if COUNTS[name].what == what]
        said = " and ".join(_said(name, before.get(name), after[name]) for name in names)
        was = {name: before[name] for name in names if name in before}
        yield what, f"has {said}", dict(was), {name: after[name] for name in names}


def _said(name: str, before: int | None, after: int) -> str:
    noun = COUNTS[name].noun
    return f"{after} {noun}" + (f", {after - before} more than before" if before else "")


def _was(before: Mapping[str, int], name: str) -> Facts:
    return {name: before[name]} if name in before else {}


def _steps_up(value: int, policy: EntityPolicy) -> int:
    return sum(1 for level in policy.wear_levels_percent if value >= level)


def _steps_down(value: int, policy: EntityPolicy) -> int:
    return sum(1 for level in policy.spare_levels_percent if value <= level)
