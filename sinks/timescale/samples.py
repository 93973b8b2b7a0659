"""The samples of a batch as three columns, sorted by (series_id, time): sorting nearly doubles the rate of the key."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

from schemas.metric_look import MetricLook
from sinks.timescale.binary import micros
from sinks.timescale.series import Ids, Layout, layout_of

Columns = tuple["array[int]", "array[int]", "array[float]"]
"""Times (microseconds since 2000), series ids, values."""

_Look = tuple[int, list[float]]


@dataclass(frozen=True, slots=True)
class _Block:
    """Samples of series whose ids follow one another: a column of values for each, all at the same times."""

    ids: Sequence[int]
    times: list[int]
    columns: Sequence[Sequence[float]]


def sorted_columns(looks: Iterable[MetricLook], layouts: Mapping[Layout, Ids]) -> Columns:
    """The samples, series after series. Looks of one layout become columns at once, without a step for each row."""
    groups: dict[Layout, list[_Look]] = {}
    for look in looks:
        groups.setdefault(layout_of(look), []).append((micros(look.time), look.values))
    blocks = [block for layout, found in groups.items() for block in _blocks(layouts[layout], found)]
    blocks.sort(key=_first_id)
    if any(before.ids[-1] >= after.ids[0] for before, after in pairwise(blocks)):
        blocks = sorted(_one_series_each(blocks), key=_first_id)
    return _joined(blocks)


def _first_id(block: _Block) -> int:
    return block.ids[0]


def _blocks(ids: Sequence[int], found: list[_Look]) -> Iterable[_Block]:
    """The looks of one layout; one block when its series were made together, as they nearly always are."""
    found.sort(key=itemgetter(0))
    times = [time for time, _ in found]
    columns: Sequence[Sequence[float]] = list(zip(*(values for _, values in found), strict=True))
    if any(map(int.__ge__, ids, ids[1:])):
        order = sorted(range(len(ids)), key=ids.__getitem__)
        ids, columns = [ids[at] for at in order], [columns[at] for at in order]
    if ids[-1] - ids[0] == len(ids) - 1:
        return (_Block(ids, times, columns),)
    cuts = [at for at in range(1, len(ids)) if ids[at] != ids[at - 1] + 1]
    return (
        _Block(ids[start:end], times, columns[start:end])
        for start, end in zip([0, *cuts], [*cuts, len(ids)], strict=True)
    )


def _one_series_each(blocks: Iterable[_Block]) -> Iterable[_Block]:
    """The same samples in blocks of one series: for layouts that share series, as when a device changed its shape."""
    merged: dict[int, list[tuple[int, float]]] = {}
    for block in blocks:
        for series, column in zip(block.ids, block.columns, strict=True):
            merged.setdefault(series, []).extend(zip(block.times, column, strict=True))
    for series, found in merged.items():
        found.sort(key=itemgetter(0))
        yield _Block((series,), [time for time, _ in found], ([value for _, value in found],))


def _joined(blocks: Iterable[_Block]) -> Columns:
    times, series, values = array("q"), array("q"), array("d")
    for block in blocks:
        count = len(block.times)
        times += array("q", block.times) * len(block.ids)
        for number, column in zip(block.ids, block.columns, strict=True):
            series += array("q", (number,)) * count
            values.extend(column)
    return times, series, values


def staged_columns(looks: Sequence[MetricLook], layouts: Mapping[Layout, Ids]) -> tuple[Columns, "array[int]"]:
    """The samples in the order of the looks, and the number of its look for each."""
    times: list[int] = []
    series: list[int] = []
    values: list[float] = []
    numbers: list[int] = []
    for number, look in enumerate(looks):
        count = len(look.values)
        times += [micros(look.time)] * count
        series += layouts[layout_of(look)]
        values += look.values
        numbers += [number] * count
    return (array("q", times), array("q", series), array("d", values)), array("i", numbers)
