"""The spool on a disk that fills up: a small tmpfs, where that may be mounted."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.spool.limits import SpoolFull
from collectors.spool.reserve import SIZE
from collectors.spool.streams import sequence_at
from schemas.registry import COLLECTIONS, METRICS
from tests.unit.collectors.spooling import Bench, gaps, sequences, take_all

DISK = 20 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all that is left of the disk."""
    path = folder / "others"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    return path


async def test_a_full_disk_costs_the_oldest_metrics_and_says_which(small_disk: Path) -> None:
    bench = Bench(small_disk)
    spool = bench.open()
    assert (small_disk / "spool.db.reserve").stat().st_size == SIZE
    kept = 0
    for n in range(1200):
        if n == 100:
            fill(small_disk)
        await spool.commit(bench.look(size=300))
        kept += 1
    assert spool.dropped > 0
    found = await take_all(spool)
    told = {n for gap in gaps(found) for n in range(gap.data.first, gap.data.last + 1)}
    assert told.isdisjoint(sequences(found))
    assert told | set(sequences(found)) == set(range(1, kept + 1))
    assert sequences(found, COLLECTIONS) == list(range(1, kept + len(gaps(found)) + 1))
    await spool.close()


async def test_what_was_acknowledged_is_not_sent_again_though_it_cannot_be_deleted(small_disk: Path) -> None:
    bench = Bench(small_disk)
    spool = bench.open()
    for _ in range(30):
        await spool.commit(bench.look(size=300))
    (small_disk / "spool.db.reserve").unlink()
    others = fill(small_disk)

    async def keep_on() -> None:
        while True:
            await spool.commit(bench.look(size=300))

    with pytest.raises(SpoolFull):
        await keep_on()
    sent: list[tuple[str, int]] = []
    while (taken := await spool.take(max_events=7, max_bytes=1 << 20)).events:
        sent += [(kept.topic, sequence_at(kept.place)) for kept in taken.events]
        await spool.settle(taken, range(len(taken.events)))
    assert len(sent) == len(set(sent))
    assert (await spool.counts()).events == 0
    others.unlink()
    await spool.commit(bench.look())
    found = await take_all(spool)
    assert len(sequences(found, METRICS)) == 1
    await spool.close()
    again = bench.open()
    assert (await again.counts()).events == 0
    await again.close()
