"""What a look at drives tells: one observation of all of them, and their numbers."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from itertools import accumulate, chain, islice

from pydantic_core import to_json

from collectors.drives.known import Known, known_of, place_of, read_known, remembered
from collectors.drives.reading import Readings
from collectors.drives.samples import attribute_samples, drive_samples
from collectors.look import Observation, Told
from schemas.drive import Drive, DriveObserved, DriveObservedData
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.registry import METRICS, OBSERVATIONS

NAME = "drives"
ROOM = 900_000
"""Bytes that the drives of one event may take: an event has 1 MiB, its envelope and names included."""
MOST_SAMPLES = 5_000


def tell(now: Readings, before: Readings | None, *, interval_s: float | None = None) -> Told:
    """Return the observation and, when there is a drive, the numbers; who sleeps is who it was in the look before."""
    return _told(now, known_of(before.drives) if before is not None else {}, interval_s=interval_s)


def recall(now: Readings, memory: Mapping[str, bytes], at: datetime, *, interval_s: float | None = None) -> Told:
    """Return the same; who sleeps is who it was when it was last awake, however many looks ago."""
    del at
    before = {place: known for place, stored in memory.items() if (known := read_known(stored)) is not None}
    now_known = known_of(now.drives)
    remember: dict[str, bytes | None] = {
        place: known.to_json() for place, known in now_known.items() if before.get(place) != known
    }
    if now.complete:
        places = {place_of(drive) for drive in now.drives}
        remember |= {place: None for place in memory if place not in places}
    return replace(_told(now, before, interval_s=interval_s), remember=remember)


def _told(now: Readings, before: Mapping[str, Known], *, interval_s: float | None) -> Told:
    drives = tuple(remembered(drive, before) for drive in now.drives)
    kept, complete = fitted(drives)
    data = DriveObservedData(smartctl_version=now.version, drives=kept, complete=now.complete and complete)
    observed = Observation(DriveObserved, OBSERVATIONS, data)
    chosen = _samples(kept)
    if not chosen:
        return Told((observed,), partial=now.unread)
    metrics = MetricCollectedData(collector=NAME, interval_seconds=interval_s, samples=chosen)
    return Told((observed, Observation(MetricCollected, METRICS, metrics)), partial=now.unread)


def fitted(drives: tuple[Drive, ...]) -> tuple[tuple[Drive, ...], bool]:
    """Return the drives as far as one event holds them, and whether those are all.

    Of more than about a hundred, what is left out first is the vendor attributes and all self-tests but the newest.
    """
    if sum(_bytes(drive) for drive in drives) <= ROOM:
        return drives, True
    brief = tuple(
        drive.model_copy(update={"attributes": (), "self_tests": drive.self_tests[:1], "messages": drive.messages[:3]})
        for drive in drives
    )
    ends = accumulate(_bytes(drive) for drive in brief)
    kept = brief[: sum(1 for end in ends if end <= ROOM)]
    return kept, len(kept) == len(drives)


def _bytes(drive: Drive) -> int:
    return len(to_json(drive, exclude_none=True)) + 1


def _samples(drives: tuple[Drive, ...]) -> tuple[Sample, ...]:
    first = (one for drive in drives for one in drive_samples(drive))
    then = (one for drive in drives for one in attribute_samples(drive))
    by_series: dict[tuple[str, frozenset[tuple[str, str]]], Sample] = {}
    for one in islice(chain(first, then), MOST_SAMPLES):
        by_series.setdefault((one.name, frozenset(one.labels.items())), one)
    return tuple(by_series.values())
