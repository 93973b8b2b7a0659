"""Which looks were due by the schedule, and which of them a device did without."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collectors.scheduler import Appointment, first_due, first_within_s, second_due

GRACE_S = 5.0
"""What was due so shortly before the end may be under way."""

EARLY_S = 0.5
"""A look's begin is its event's time less its duration: told that much too early at most."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: when it began (seconds since 1970), how long it took, how it ended."""

    began_at: float
    seconds: float
    status: str
    code: str = ""

    @property
    def ended_at(self) -> float:
        """When it ended, in seconds since 1970."""
        return self.began_at + self.seconds

    def spans(self, point: float) -> bool:
        """Whether it was under way at a time."""
        return self.began_at <= point <= self.ended_at


@dataclass(frozen=True, slots=True)
class Schedule:
    """That of an agent with so many devices; `start` in seconds since 1970."""

    start: float
    devices: int
    interval_s: float

    @classmethod
    def seen(cls, seen: Mapping[str, Sequence[Seen]], *, devices: int, interval_s: float) -> "Schedule":
        """Return it with its beginning taken from the first look at each device."""
        of = cls(0.0, devices, interval_s)
        return cls(min(looks[0].began_at - of.first(name) for name, looks in seen.items()), devices, interval_s)

    def first(self, device: str) -> float:
        """Return when a device is first looked at."""
        return first_due(device, self.start, self.interval_s, within_s=first_within_s(self.devices))

    def due(self, device: str, *, until: float) -> list[float]:
        """Return when a device was to be looked at, up to shortly before `until`."""
        points = [self.first(device)]
        point = second_due(Appointment(device, "system", self.interval_s, _nothing), self.start, points[0])
        while point < until - GRACE_S:
            points.append(point)
            point += self.interval_s
        return points


def missed(due: Sequence[float], seen: Sequence[Seen], *, interval_s: float) -> list[float]:
    """Return the points that had no good look: none that began with them, nor one that was under way then."""
    good = [one for one in seen if one.status == "success"]
    return [point for point in due if not _begun(point, good, interval_s) and not any(one.spans(point) for one in good)]


def passed_over(due: Sequence[float], seen: Sequence[Seen], *, interval_s: float) -> list[float]:
    """Return the points at which no look began because the one before was under way."""
    return [point for point in due if not _begun(point, seen, interval_s) and any(one.spans(point) for one in seen)]


def _begun(point: float, seen: Sequence[Seen], interval_s: float) -> bool:
    return any(point - EARLY_S <= one.began_at < point + interval_s / 2 for one in seen)


async def _nothing() -> None: ...
