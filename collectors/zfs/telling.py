"""What a look at ZFS tells: one observation of all pools, and their numbers."""

from collections.abc import Iterator
from itertools import accumulate, islice

from pydantic_core import to_json

from collectors.look import Observation, Told
from collectors.zfs.arc import arc_samples
from collectors.zfs.reading import More, Readings
from collectors.zfs.samples import dataset_samples, pool_samples
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.pool import Pool, PoolObserved, PoolObservedData
from schemas.registry import METRICS, OBSERVATIONS

NAME = "zfs"
ROOM = 900_000
"""Bytes that the pools of one event may take: an event has 1 MiB, its envelope and names included."""
MOST_SAMPLES = 5_000


def tell(now: Readings, before: Readings | None, *, interval_s: float | None = None) -> Told:
    """Return the observation and, when there is something to measure, the numbers."""
    kept, complete = fitted(now.pools)
    data = PoolObservedData(version=now.version, pools=kept, complete=complete and not now.unread)
    observed = Observation(PoolObserved, OBSERVATIONS, data)
    by_series: dict[tuple[str, frozenset[tuple[str, str]]], Sample] = {}
    for one in islice(_samples(now, before), MOST_SAMPLES):
        # A spare in use stands twice, in its vdev and among the spares: the first has the counts.
        by_series.setdefault((one.name, frozenset(one.labels.items())), one)
    chosen = tuple(by_series.values())
    if not chosen:
        return Told((observed,), partial=now.unread)
    metrics = MetricCollectedData(collector=NAME, interval_seconds=interval_s, samples=chosen)
    return Told((observed, Observation(MetricCollected, METRICS, metrics)), partial=now.unread)


def _samples(now: Readings, before: Readings | None) -> Iterator[Sample]:
    for pool in now.pools:
        yield from pool_samples(pool, now.more.get(pool.name, More()), now.seconds)
    yield from arc_samples(now.arc, before.arc if before is not None else None)
    for pool in now.pools:
        for dataset in pool.datasets:
            yield from dataset_samples(dataset)


def fitted(pools: tuple[Pool, ...]) -> tuple[tuple[Pool, ...], bool]:
    """Return the pools as far as one event holds them, and whether those are all; datasets are left out first."""
    if sum(_bytes(pool) for pool in pools) <= ROOM:
        return pools, True
    brief = tuple(pool.model_copy(update={"datasets": pool.datasets[:1]}) for pool in pools)
    ends = accumulate(_bytes(pool) for pool in brief)
    kept = brief[: sum(1 for end in ends if end <= ROOM)]
    return kept, len(kept) == len(pools)


def _bytes(pool: Pool) -> int:
    return len(to_json(pool, exclude_none=True)) + 1
