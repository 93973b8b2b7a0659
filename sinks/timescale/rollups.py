"""Rollups of the samples by the minute, the hour and the day, under the same names on every tier.

On TimescaleDB community they are continuous aggregates with policies; elsewhere ordinary tables that the sink's own job
keeps (`upkeep.py`). Each is made from the finer one, so sums and counts are kept and averages of averages are right.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString

from sinks.timescale.tier import Connection, Tier


@dataclass(frozen=True, slots=True)
class Rollup:
    """A rollup: its name, what it is made from, and the width of its buckets."""

    name: str
    short: str
    source: str
    step: timedelta
    source_keep: timedelta
    """For how long its source is kept unless settings say otherwise."""

    def late_window(self, source_keep: timedelta | None) -> timedelta:
        """How far back late samples are taken up: less than its source is kept, so nothing is made from half."""
        return _FOR_GOOD if source_keep is None else source_keep - _MARGIN


_MARGIN = timedelta(days=2)
_FOR_GOOD = timedelta(days=3650)

ROLLUPS = (
    Rollup("metric_samples_1m", "1m", "metric_samples", timedelta(minutes=1), timedelta(days=30)),
    Rollup("metric_samples_1h", "1h", "metric_samples_1m", timedelta(hours=1), timedelta(days=90)),
    Rollup("metric_samples_1d", "1d", "metric_samples_1h", timedelta(days=1), timedelta(days=730)),
)
"""From fine to coarse."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """From a time on up to another, exclusive."""

    begin: datetime
    end: datetime


def stretches(buckets: Iterable[datetime], step: timedelta, *, most: int) -> Iterator[Stretch]:
    """Buckets in order as stretches without holes, each of at most so many buckets."""
    begin = end = None
    for bucket in buckets:
        if begin is not None and end is not None and (bucket != end or end - begin >= most * step):
            yield Stretch(begin, end)
            begin = None
        begin = begin or bucket
        end = bucket + step
    if begin is not None and end is not None:
        yield Stretch(begin, end)


def make_rollups(
    connection: Connection, sql: Mapping[str, LiteralString], *, tier: Tier, hypertables: Iterable[str]
) -> list[str]:
    """Make the rollups that are missing; return those. Once made, a rollup stays what it is."""
    there: dict[str, str] = dict(connection.execute(sql["keepers_of_rollups"]).fetchall())
    by_extension = tier is Tier.COMMUNITY and "metric_samples" in set(hypertables)
    by_extension = by_extension and "sink" not in there.values()
    missing = [rollup for rollup in ROLLUPS if rollup.name not in there]
    kept_by = "timescaledb" if by_extension else "sink"
    for rollup in missing:
        for statement in _statements(rollup.short, by_extension=by_extension):
            window = {"start": rollup.late_window(rollup.source_keep)} if statement.startswith("policy") else None
            connection.execute(sql[statement], window)
        note = {"rollup": rollup.name, "step": rollup.step, "kept_by": kept_by}
        connection.execute(sql["note_rollup"], note)
    if missing and not by_extension:
        connection.execute(sql["touch_all"])
    return [rollup.name for rollup in missing]


def _statements(short: str, *, by_extension: bool) -> tuple[str, ...]:
    if by_extension:
        return f"continuous_{short}", f"policy_{short}", f"comment_continuous_{short}"
    return f"ordinary_{short}", f"index_{short}", f"comment_ordinary_{short}"
