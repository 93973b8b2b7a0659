"""What a check found: how bad it is, in words, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad: `fail` when events are not stored or may be lost, `warn` when it will hurt."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


_ORDER = (Level.OK, Level.WARN, Level.FAIL)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    level: Level
    told: str
    advice: str = ""


def worst(found: Iterable[Finding]) -> Level:
    """The worst level; ok when nothing was found."""
    return max((finding.level for finding in found), key=_ORDER.index, default=Level.OK)


def ok(name: str, told: str) -> Finding:
    """All is well."""
    return Finding(name, Level.OK, told)


def warn(name: str, told: str, advice: str = "") -> Finding:
    """It will hurt."""
    return Finding(name, Level.WARN, told, advice)


def fail(name: str, told: str, advice: str = "") -> Finding:
    """Events are not stored, or may be lost."""
    return Finding(name, Level.FAIL, told, advice)
