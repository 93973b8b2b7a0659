"""Windows of samples, kept sorted by event time and bounded by construction.

A window is cut into `MOST_SAMPLES` slots, and a slot holds one sample: where looks are rarer than slots, every sample
is kept as it is; where they are more frequent, those of one slot become one, in the way that the reduction needs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

MOST_SAMPLES = 60
"""Slots of a window. A 10-minute window of looks every 10 s has each sample; one of 6 hours, one for 6 minutes."""

Entry = tuple[int, float, int]
"""Event time (ms since 1970), value, and how many samples it stands for."""

Merge = Callable[[Entry, Entry], Entry]
"""How two samples of one slot become one: the earlier in event time is the first."""


@dataclass(frozen=True, slots=True)
class Window:
    """The samples of a series, oldest first; `seen_ms` is the liveness clock of the last that came."""

    samples: tuple[Entry, ...]
    seen_ms: int


def entry_of(at: datetime, value: float, count: int = 1) -> Entry:
    """A sample at its event time."""
    return (round(at.timestamp() * 1000), value, count)


def added(window: Window | None, entry: Entry, *, length_ms: int, merge: Merge, seen_ms: int) -> Window:
    """The window with a sample in its place, and without those that lie `length_ms` or more before the newest."""
    if window is None:
        return Window((entry,), seen_ms)
    slot_ms = -(-length_ms // MOST_SAMPLES)
    samples = window.samples
    if entry[0] < samples[-1][0]:
        return Window(_inserted(samples, entry, slot_ms=slot_ms, length_ms=length_ms, merge=merge), seen_ms)
    oldest = entry[0] - length_ms
    start = 0
    while start < len(samples) and samples[start][0] <= oldest:
        start += 1
    if start < len(samples) and samples[-1][0] // slot_ms == entry[0] // slot_ms:
        return Window((*samples[start:-1], merge(samples[-1], entry)), seen_ms)
    return Window((*samples[start:], entry), seen_ms)


def _inserted(
    samples: tuple[Entry, ...], entry: Entry, *, slot_ms: int, length_ms: int, merge: Merge
) -> tuple[Entry, ...]:
    """The samples with one that came late in its place; what is older than the window is left out."""
    if entry[0] <= samples[-1][0] - length_ms:
        return samples
    place = next(index for index, one in enumerate(samples) if one[0] > entry[0])
    slot = entry[0] // slot_ms
    if samples[place][0] // slot_ms == slot:
        return (*samples[:place], merge(entry, samples[place]), *samples[place + 1 :])
    if place and samples[place - 1][0] // slot_ms == slot:
        return (*samples[: place - 1], merge(samples[place - 1], entry), *samples[place:])
    return (*samples[:place], entry, *samples[place:])
