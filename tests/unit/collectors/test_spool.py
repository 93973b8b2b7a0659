"""The spool on a real file: numbers, order, bounds, damage."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from collectors.compose import _say_set_aside
from collectors.metrics import AgentMetrics
from collectors.spool.draft import Commit
from collectors.spool.limits import MIB, SpoolFull
from collectors.spool.packing import packed, plain
from runtime.clock import ManualClock
from runtime.errors import AlreadyRunning
from schemas.codec import decode
from schemas.identity import sequence_scope
from schemas.refusal import EventRefused
from schemas.registry import COLLECTIONS, METRICS
from tests.unit.collectors.spooling import AGENT, Bench, gaps, sequences, take_all


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_events_are_numbered_by_topic_and_subject(bench: Bench) -> None:
    spool = bench.open()
    for subject in ("web-1", "web-2", "web-1"):
        await spool.commit(bench.look(subject))
    found = await take_all(spool)
    assert sequences(found, METRICS, "web-1") == sequences(found, COLLECTIONS, "web-1") == [1, 2]
    assert sequences(found, METRICS, "web-2") == [1]
    assert {event.source for _, event in found} == {f"/agents/{AGENT}/{spool.epoch}/system"}
    await spool.close()


async def test_epoch_numbers_and_what_waits_survive_a_restart(bench: Bench) -> None:
    spool = bench.open()
    await spool.commit(bench.look())
    taken = await spool.take(max_events=1, max_bytes=MIB)
    await spool.settle(taken, [0])
    epoch = spool.epoch
    await spool.close()
    again = bench.open()
    assert again.epoch == epoch
    await again.commit(bench.look())
    found = await take_all(again)
    assert sorted(sequences(found, METRICS) + sequences(found, COLLECTIONS)) == [1, 2, 2]
    assert {sequence_scope(event.source) for _, event in found} == {str(epoch)}
    await again.close()


async def test_events_are_sent_as_they_were_kept_and_larger_ones_take_less_room(bench: Bench) -> None:
    spool = bench.open()
    outcome = await spool.commit(Commit((bench.metric(size=1), bench.metric(size=400))))
    with sqlite3.connect(bench.path) as database:
        small, large = (row[0] for row in database.execute("SELECT value FROM events ORDER BY place"))
    taken = await spool.take(max_events=2, max_bytes=MIB)
    values = [kept.value for kept in taken.events]
    assert tuple(values) == outcome
    assert small == values[0]
    assert len(large) < 0.8 * len(values[1])
    await spool.close()


async def test_a_spool_of_before_is_read(bench: Bench) -> None:
    spool = bench.open()
    await spool.commit(Commit((bench.metric(size=400),)))
    with sqlite3.connect(bench.path) as database:
        ((written,),) = database.execute("SELECT value FROM events").fetchall()
        database.execute("UPDATE events SET value = ?", (plain(written),))
    taken = await spool.take(max_events=1, max_bytes=MIB)
    assert taken.events[0].value == plain(written)
    await spool.close()


async def test_an_event_that_was_spoiled_on_the_disk_keeps_no_other_back(bench: Bench) -> None:
    spool = bench.open()
    await spool.commit(Commit((bench.metric(size=400), bench.metric(size=400))))
    with sqlite3.connect(bench.path) as database:
        database.execute("UPDATE events SET value = x'0400ff00ffabcdef' WHERE place = (SELECT min(place) FROM events)")
    taken = await spool.take(max_events=2, max_bytes=MIB)
    assert taken.events[0].value == bytes.fromhex("0400ff00ffabcdef")
    assert decode(taken.events[1].value).sequence == 2
    await spool.close()


@given(st.binary(max_size=3000).map(lambda tail: b"{" + tail))
def test_what_is_packed_is_read_as_it_was(value: bytes) -> None:
    assert plain(packed(value)) == value


async def test_a_new_file_is_a_new_epoch(bench: Bench, tmp_path: Path) -> None:
    spool, other = bench.open(), Bench(tmp_path / "other").open()
    assert spool.epoch != other.epoch
    assert spool.epoch.version == 7
    await spool.close()
    await other.close()


async def test_two_agents_on_one_spool_are_refused(bench: Bench) -> None:
    spool = bench.open()
    with pytest.raises(AlreadyRunning, match="an agent already runs on"):
        bench.open()
    await spool.close()
    await spool.close()
    await bench.open().close()


async def test_what_is_too_large_is_refused_whole_and_leaves_no_hole(bench: Bench) -> None:
    spool = bench.open()
    too_large = bench.metric(size=9_000, label="x" * 200)
    results = await asyncio.gather(
        spool.commit(bench.look()),
        spool.commit(Commit((bench.completed(), too_large))),
        spool.commit(bench.look()),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [tuple, EventRefused, tuple]
    found = await take_all(spool)
    assert sequences(found, COLLECTIONS) == sequences(found, METRICS) == [1, 2]
    await spool.close()


async def test_subjects_take_turns(bench: Bench) -> None:
    spool = bench.open()
    for _ in range(50):
        await spool.commit(Commit((bench.metric("chatty"),)))
    await spool.commit(Commit((bench.metric("quiet"),)))
    taken = await spool.take(max_events=10, max_bytes=MIB)
    assert "quiet" in {kept.subject for kept in taken.events}
    await spool.close()


async def test_each_has_its_turn_when_there_is_room_for_one(bench: Bench) -> None:
    spool = bench.open()
    for subject in ("a", "b", "c"):
        await spool.commit(Commit((bench.metric(subject), bench.metric(subject))))
    seen = []
    for _ in range(3):
        taken = await spool.take(max_events=1, max_bytes=1)
        seen.append(taken.events[0].subject)
        await spool.settle(taken, [0])
    assert sorted(seen) == ["a", "b", "c"]
    await spool.close()


async def test_a_turn_begins_after_the_one_that_was_served_last(bench: Bench) -> None:
    spool = bench.open()
    for subject in "abcdefgh":
        await spool.commit(Commit(tuple(bench.metric(subject, size=20) for _ in range(40))))
    size = len((await spool.take(max_events=1, max_bytes=1)).events[0].value)
    served: list[str] = []
    while (taken := await spool.take(max_events=100, max_bytes=26 * size)).events:
        assert len(taken.events) <= 26
        served += dict.fromkeys(kept.subject for kept in taken.events)
        await spool.settle(taken, range(len(taken.events)))
    # Two fit at a time: nobody is served again before all others were.
    assert served[:8] == list("bcdefgha")
    await spool.close()


async def test_the_next_take_goes_on_after_what_is_under_way(bench: Bench) -> None:
    spool = bench.open()
    await spool.commit(Commit(tuple(bench.metric() for _ in range(9))))
    first = await spool.take(max_events=3, max_bytes=MIB)
    second = await spool.take(max_events=3, max_bytes=MIB)
    assert first.more
    assert [decode(kept.value).sequence for kept in second.events] == [4, 5, 6]
    assert await spool.settle(first, range(3)) == 3
    third = await spool.take(max_events=5, max_bytes=MIB)
    assert [decode(kept.value).sequence for kept in third.events] == [7, 8, 9]
    assert not third.more
    assert await spool.settle(second, range(3)) == 3
    assert await spool.settle(third, range(3)) == 3
    assert (await spool.counts()).events == 0
    await spool.close()


async def test_what_was_taken_ahead_and_given_back_waits_behind_what_failed(bench: Bench) -> None:
    spool = bench.open()
    await spool.commit(Commit(tuple(bench.metric() for _ in range(6))))
    first = await spool.take(max_events=3, max_bytes=MIB)
    ahead = await spool.take(max_events=3, max_bytes=MIB)
    await spool.settle(ahead, ())
    assert await spool.settle(first, [0]) == 1
    assert sequences(await take_all(spool)) == [2, 3, 4, 5, 6]
    await spool.close()


async def test_an_event_never_goes_before_those_ahead_of_it(bench: Bench) -> None:
    spool = bench.open()
    await spool.commit(Commit(tuple(bench.metric() for _ in range(5))))
    taken = await spool.take(max_events=5, max_bytes=MIB)
    assert await spool.settle(taken, [0, 1, 3, 4]) == 2
    assert sequences(await take_all(spool)) == [3, 4, 5]
    await spool.close()


async def test_when_full_the_oldest_metrics_go_and_a_gap_says_so(bench: Bench) -> None:
    bench.max_bytes = MIB
    spool = bench.open()
    for n in range(60):
        await spool.commit(bench.look("web-1" if n % 2 else "web-2", size=400))
    assert spool.dropped > 0
    counts = await spool.counts()
    assert counts.bytes <= MIB
    found = await take_all(spool)
    assert len(sequences(found, COLLECTIONS, "web-1")) - len([g for g in gaps(found) if g.subject == "web-1"]) == 30
    for subject in ("web-1", "web-2"):
        told = [range(g.data.first, g.data.last + 1) for g in gaps(found) if g.data.subject == subject]
        lost = [number for one in told for number in one]
        assert lost == list(range(1, lost[-1] + 1))
        assert sequences(found, METRICS, subject) == list(range(lost[-1] + 1, 31))
    assert {g.data.reason for g in gaps(found)} == {"spool_full"}
    assert {g.data.scope for g in gaps(found)} == {str(spool.epoch)}
    assert sum(g.data.count for g in gaps(found)) == spool.dropped
    await spool.close()


async def test_what_is_under_way_is_not_dropped(bench: Bench) -> None:
    bench.max_bytes = MIB
    spool = bench.open()
    await spool.commit(Commit(tuple(bench.metric(size=400) for _ in range(3))))
    taken = await spool.take(max_events=3, max_bytes=MIB)
    for _ in range(60):
        await spool.commit(Commit((bench.metric(size=400),)))
    assert await spool.settle(taken, [0, 1, 2]) == 3
    lost = gaps(await take_all(spool))
    assert min(g.data.first for g in lost) == 4
    await spool.close()


async def test_with_no_metrics_left_collecting_stops_until_there_is_room(bench: Bench) -> None:
    bench.max_bytes = MIB
    spool = bench.open()

    async def fill() -> None:
        while True:
            await asyncio.gather(*(spool.commit(Commit((bench.completed(),))) for _ in range(200)))

    with pytest.raises(SpoolFull, match="no metrics to drop"):
        await fill()
    assert not await spool.has_room()
    found = await take_all(spool)
    assert sequences(found, COLLECTIONS) == list(range(1, len(found) + 1))
    assert await spool.has_room()
    await spool.commit(bench.look())
    await spool.close()


async def test_metrics_that_waited_too_long_go_and_nothing_else(bench: Bench) -> None:
    clock = bench.clock
    assert isinstance(clock, ManualClock)
    spool = bench.open()
    await spool.commit(bench.look())
    await clock.advance(6 * 86_400)
    await spool.commit(bench.look())
    await clock.advance(1.5 * 86_400)
    await spool.trim()
    found = await take_all(spool)
    assert sequences(found, METRICS) == [2]
    (gap,) = gaps(found)
    assert (gap.data.first, gap.data.last, gap.data.reason) == (1, 1, "spool_age")
    await spool.close()


async def test_a_damaged_file_is_set_aside_and_what_it_held_is_told(bench: Bench) -> None:
    spool = bench.open()
    for _ in range(40):
        await spool.commit(bench.look(size=300))
    taken = await spool.take(max_events=4, max_bytes=MIB)
    gone = await spool.settle(taken, range(len(taken.events)))
    old_epoch = spool.epoch
    await spool.close()
    _damage(bench.path, after=5)
    again = bench.open()
    assert again.epoch != old_epoch
    (aside,) = bench.set_aside
    assert aside.path.exists()
    assert ".corrupt-" in aside.path.name
    found = await take_all(again)
    assert {g.data.reason for g in gaps(found)} == {"spool_corrupt"}
    assert {g.data.scope for g in gaps(found)} == {str(old_epoch)}
    assert sum(g.data.count for g in gaps(found)) == aside.lost == 80 - gone
    await again.close()


@pytest.mark.parametrize("content", [b"", b"no database at all" * 1000, bytes(100_000)])
async def test_a_file_that_is_no_spool_is_never_fatal(bench: Bench, content: bytes) -> None:
    bench.path.write_bytes(content)
    spool = bench.open()
    await spool.commit(bench.look())
    # How much such a file held is not known, and is not said to be nothing.
    assert [aside.lost for aside in bench.set_aside] == ([None] if content else [])
    with capture_logs() as said:
        for aside in bench.set_aside:
            _say_set_aside(AgentMetrics.on(CollectorRegistry()), aside)
    assert [one["events_lost"] for one in said] == (["unknown"] if content else [])
    await spool.close()


async def test_damage_found_while_running_is_survived(bench: Bench) -> None:
    spool = bench.open()
    for _ in range(200):
        await spool.commit(bench.look(size=300))
    taken = await spool.take(max_events=10, max_bytes=MIB)
    first = spool.epoch
    _damage(bench.path, after=3)
    for _ in range(40):
        await spool.commit(bench.look(size=300))
        await take_all(spool)
    assert spool.epoch != first
    assert await spool.settle(taken, range(10)) == 0
    await spool.close()


def _damage(path: Path, *, after: int) -> None:
    page = 8192
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        for number in range(after, size // page):
            file.seek(number * page)
            file.write(b"\xff" * page)


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("keep"), st.sampled_from(["a", "b"]), st.integers(1, 1500)),
        st.tuples(st.just("send"), st.integers(1, 20), st.floats(0, 1)),
        st.tuples(st.just("restart"), st.none(), st.none()),
        st.tuples(st.just("old"), st.none(), st.none()),
    ),
    max_size=40,
)


@settings(max_examples=30, deadline=None)
@given(operations=OPERATIONS)
async def test_whatever_happens_each_number_is_sent_in_order_or_told_as_lost(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[str, object, object]]
) -> None:
    clock = ManualClock()
    bench = Bench(tmp_path_factory.mktemp("spool"), clock, max_bytes=MIB)
    spool = bench.open()
    log: dict[tuple[str, str], list[int]] = {}
    lost: set[tuple[str, int]] = set()

    async def send(most: int, share: float) -> None:
        taken = await spool.take(max_events=most, max_bytes=MIB)
        acknowledged = range(round(len(taken.events) * share))
        for index in acknowledged:
            event = decode(taken.events[index].value)
            log.setdefault((taken.events[index].topic, event.subject), []).append(event.sequence or 0)
            lost.update((g.data.subject, n) for g in gaps([("", event)]) for n in range(g.data.first, g.data.last + 1))
        await spool.settle(taken, acknowledged)

    kept = {"a": 0, "b": 0}
    for name, first, second in operations:
        if name == "keep":
            await spool.commit(bench.look(str(first), size=int(str(second))))
            kept[str(first)] += 1
        elif name == "send":
            await send(int(str(first)), float(str(second)))
        elif name == "old":
            await clock.advance(5 * 86_400)
            await spool.trim()
        else:
            await spool.close()
            spool = bench.open()
    for _ in range(100):
        await send(100, 1.0)
    await spool.close()
    for subject, count in kept.items():
        sent = log.get((METRICS, subject), [])
        assert sent == sorted(set(sent))
        assert {(subject, n) for n in range(1, count + 1)} == {(subject, n) for n in sent} | {
            one for one in lost if one[0] == subject
        }
        collections = log.get((COLLECTIONS, subject), [])
        assert collections == list(range(1, len(collections) + 1))
