"""What comes of one record, whichever fold applied it."""

from dataclasses import dataclass

from schemas.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Derived:
    """An event that follows, and the append time of its cause (ms since 1970)."""

    event: Envelope
    cause_appended_ms: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a record could not be applied as a whole: a code, a sentence, the device it concerns."""

    reason: str
    message: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of one record."""

    outputs: tuple[Derived, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


NOTHING = Applied()
REPEATED = Applied(notes=("repeated",))
