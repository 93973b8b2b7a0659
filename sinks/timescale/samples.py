"""The samples of a batch as three columns, sorted by (series_id, time): sorting nearly doubles the rate of the key."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter

from schemas.metric_look import MetricLook
from sinks.timescale.binary import micros
from sinks.timescale.series import Ids, Layout

Columns = tuple["array[int]", "array[int]", "array[float]"]
"""Times (microseconds since 2000), series ids, values."""


def sorted_columns(looks: Iterable[MetricLook], layouts: Mapping[Layout, Ids]) -> Columns:
    """The samples, a series at a time; looks of one layout are turned into columns at once."""
    groups: dict[Layout, list[tuple[int, list[float]]]] = {}
    for look in looks:
        groups.setdefault((look.subject, look.series), []).append((micros(look.time), look.values))
    runs: list[tuple[int, Sequence[int], Sequence[float]]] = []
    for layout, found in groups.items():
        found.sort(key=itemgetter(0))
        times = [time for time, _ in found]
        columns = zip(*(values for _, values in found), strict=True)
        runs.extend((series, times, column) for series, column in zip(layouts[layout], columns, strict=True))
    runs.sort(key=itemgetter(0))
    return _joined(runs)


def _joined(runs: Iterable[tuple[int, Sequence[int], Sequence[float]]]) -> Columns:
    times: list[int] = []
    series: list[int] = []
    values: list[float] = []
    for one, when, what in runs:
        times += when
        series += [one] * len(when)
        values += what
    return array("q", times), array("q", series), array("d", values)


def staged_columns(looks: Sequence[MetricLook], layouts: Mapping[Layout, Ids]) -> tuple[Columns, "array[int]"]:
    """The samples in the order of the looks, and the number of its look for each."""
    times: list[int] = []
    series: list[int] = []
    values: list[float] = []
    numbers: list[int] = []
    for number, look in enumerate(looks):
        count = len(look.values)
        times += [micros(look.time)] * count
        series += layouts[look.subject, look.series]
        values += look.values
        numbers += [number] * count
    return (array("q", times), array("q", series), array("d", values)), array("i", numbers)
