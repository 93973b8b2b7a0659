"""Rollups of the samples on whatever tier the server has: equal to what a fold of the samples says."""

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from schemas.metric import MetricCollected
from schemas.registry import METRICS
from sinks.timescale import schema
from sinks.timescale.rollups import ROLLUPS, Stretch, stretches
from sinks.timescale.tables import sink_statements
from sinks.timescale.upkeep import Bounds, Turn, Upkeep
from sinks.timescale.writer import Writer
from tests.integration.timescale_log import surroundings
from tests.integration.timescale_setup import (
    START,
    admitted,
    connecting,
    looked,
    metrics,
    one,
    owned,
    rows,
    settings_of,
)

pytestmark = pytest.mark.postgres


def upkeep_on(url: str, bounds: Bounds | None = None) -> Upkeep:
    return Upkeep(connecting(url), sink_statements(), around=surroundings(CollectorRegistry()), bounds=bounds)


async def kept(url: str, *, times: int = 1) -> None:
    """Bring the rollups up to date as the tier does: by the sink's job, or by refreshing."""
    if one(url, "SELECT kept_by FROM rollups LIMIT 1") == "sink":
        for _ in range(times):
            # The coarser are due rarely: here at once.
            with psycopg.connect(url) as connection:
                connection.execute("UPDATE rollups SET refreshed_at = NULL")
            assert (await upkeep_on(url, Bounds(buckets=7, stretch=3, transactions=100)).turn()).alone
        return
    with psycopg.connect(url, autocommit=True) as connection:
        for rollup in ROLLUPS:
            connection.execute(f"CALL refresh_continuous_aggregate('{rollup.name}', NULL, NULL)".encode())


def looks(seed: int, count: int, *, first: int = 1) -> list[MetricCollected]:
    """Looks over two days, each at a time of its own."""
    chosen = random.Random(seed)
    seconds = chosen.sample(range(172_800), count)
    return [
        looked(
            first + at, time=START + timedelta(seconds=second, microseconds=seed), values=(chosen.random() * 9, at % 7)
        )
        for at, second in enumerate(seconds)
    ]


def fold(events: Sequence[MetricCollected], step: timedelta) -> dict[tuple[str, datetime], list[float]]:
    """By processor and bucket: count, sum, min, max, last."""
    origin = datetime(2000, 1, 1, tzinfo=UTC)
    found: dict[tuple[str, datetime], list[tuple[datetime, float]]] = defaultdict(list)
    for event in events:
        for sample in event.data.samples:
            bucket = origin + (event.time - origin) // step * step
            found[sample.labels["cpu"], bucket].append((event.time, sample.value))
    return {
        key: [len(some), sum(v for _, v in some), min(v for _, v in some), max(v for _, v in some), max(some)[1]]
        for key, some in found.items()
    }


def stored(url: str, name: str) -> dict[tuple[str, datetime], list[float]]:
    query = f"""
        SELECT s.labels ->> 'cpu', r.time, r.samples, r.sum, r.min, r.max, r.last
        FROM {name} r JOIN metric_series s USING (series_id)
    """
    return {(cpu, time): list(values) for cpu, time, *values in rows(url, query)}


def same(url: str, events: Sequence[MetricCollected]) -> None:
    for rollup in ROLLUPS:
        expected, found = fold(events, rollup.step), stored(url, rollup.name)
        assert found.keys() == expected.keys(), rollup.name
        for key, values in expected.items():
            assert found[key] == pytest.approx(values), (rollup.name, key)


async def test_rollups_are_a_fold_of_the_samples_also_of_late_ones(writer: Writer, url: str) -> None:
    events, late = looks(1, 400), looks(2, 150, first=401)
    owner = await owned(writer, METRICS)
    for at in range(0, len(events), 60):
        await writer.store(await admitted(writer, owner, metrics(*events[at : at + 60], begin=at)))
    await kept(url, times=2)
    same(url, events)
    await writer.store(await admitted(writer, owner, metrics(*late, begin=len(events))))
    await kept(url, times=2)
    same(url, [*events, *late])
    before = {rollup.name: stored(url, rollup.name) for rollup in ROLLUPS}
    await kept(url)
    assert {rollup.name: stored(url, rollup.name) for rollup in ROLLUPS} == before


async def test_what_is_stored_before_the_rollups_are_made_is_computed_too(url: str) -> None:
    if one(url, "SELECT kept_by FROM rollups LIMIT 1") != "sink":
        pytest.skip("continuous aggregates compute what is not yet computed as it is asked for")
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE metric_samples_1m, metric_samples_1h, metric_samples_1d")
        connection.execute(
            "INSERT INTO metric_samples SELECT now() - i * INTERVAL '1 s', 1, i FROM generate_series(1, 300) i"
        )
    schema.migrate(settings_of(url))
    await kept(url, times=2)
    assert one(url, "SELECT sum(samples) FROM metric_samples_1d") == 300


async def test_only_one_keeps_them_at_a_time(writer: Writer, url: str) -> None:
    if one(url, "SELECT kept_by FROM rollups LIMIT 1") != "sink":
        pytest.skip("TimescaleDB's own jobs keep them")
    owner = await owned(writer, METRICS)
    await writer.store(await admitted(writer, owner, metrics(looked(1))))
    with psycopg.connect(url) as other:
        other.execute(sink_statements()["try_upkeep"])
        assert await upkeep_on(url).turn() == Turn(alone=False)
    assert (await upkeep_on(url).turn()).buckets >= 1
    # A coarser rollup's turn comes less often.
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE rollups SET refreshed_at = NULL WHERE rollup = 'metric_samples_1m'")
    await writer.store(await admitted(writer, owner, metrics(looked(2), begin=1)))
    await upkeep_on(url).turn()
    assert one(url, "SELECT count(*) FROM rollup_touched WHERE rollup = 'metric_samples_1h'") >= 1


def test_buckets_become_stretches_without_holes() -> None:
    minutes = [START + timedelta(minutes=at) for at in (0, 1, 2, 3, 7, 8)]
    found = list(stretches(minutes, timedelta(minutes=1), most=3))
    assert found == [
        Stretch(minutes[0], minutes[3]),
        Stretch(minutes[3], START + timedelta(minutes=4)),
        Stretch(minutes[4], START + timedelta(minutes=9)),
    ]
    assert list(stretches([], timedelta(minutes=1), most=3)) == []
