"""The state in parts: what is written, what is read after a kill, what is refused."""

from typing import Any

import orjson
import pytest

from schemas.notification import NotificationSuppressed
from streams.applied import REPEATED
from streams.fleet_fold import MOST_RECENT
from streams.fleet_stored import LEDGER, RECENT
from streams.notifications.hearing import MOST_ALERTS
from streams.notifications.state import ALERT
from streams.stored import StateUnreadable, partition_key
from tests.unit.streams.alert_story import Story, new_fold


def store_of(story: Story, *cuts: int) -> dict[bytes, bytes]:
    """What is stored after batches that end at these places."""
    fold, store, at = new_fold(), dict[bytes, bytes](), 0
    for cut in (*cuts, len(story.records)):
        for record in story.records[at:cut]:
            fold.apply(record)
        at, changes = cut, fold.changes()
        if changes is not None:
            store.update([*changes.states, changes.partition])
            for key in changes.forgotten:
                del store[key]
    return store


def test_a_batch_writes_only_the_parts_that_changed_and_deletes_those_that_are_gone() -> None:
    story, fold = Story(), new_fold()
    first, second = story.up("a:disk"), story.up("b:disk")
    for record in story.records:
        fold.apply(record)
    changes = fold.changes()
    assert changes is not None
    written = {key for key, _ in changes.states}
    assert {f"0|alert:{first}".encode(), f"0|alert:{second}".encode(), b"0|device:a", b"0|device:b"} <= written
    story.ticks(5)
    story.down("b:disk")
    story.tick()
    for record in story.records[2:]:
        fold.apply(record)
    changes = fold.changes()
    assert changes is not None
    assert {key for key, _ in changes.states} == {f"0|alert:{second}".encode(), b"0|device:b"}
    assert changes.forgotten == (f"0|alert:{second}".encode(),)


def test_what_is_delivered_again_is_skipped_by_offset_sequence_and_id() -> None:
    story, fold = Story(), new_fold()
    story.up("a:disk")
    story.silence(60)
    story.again(0)
    story.again(1)
    applied = [fold.apply(record) for record in story.records]
    assert [one is REPEATED for one in applied] == [False, False, True, True]
    assert fold.apply(story.records[0]) is REPEATED


def test_the_ids_remembered_are_bounded_to_the_last() -> None:
    story, fold = Story(), new_fold()
    for _ in range(MOST_RECENT + 3):
        story.silence(1)
    for record in story.records:
        fold.apply(record)
    ids = fold.parts[RECENT]["ids"].ids
    assert len(ids) == MOST_RECENT
    assert ids[-1] == str(story.records[-1].event.id)


def test_a_step_that_fails_leaves_everything_as_it_was() -> None:
    story, fold = Story(), new_fold()
    story.silence(60, rule="[")
    story.up("a:disk")
    problem, good = (fold.apply(record) for record in story.records)
    assert problem.problems[0].reason == "core_failed"
    assert fold.parts[RECENT] == {}
    assert good.problems == ()
    assert list(fold.parts[LEDGER]) == ["a"]


def test_alerts_above_the_bound_are_said_to_be_told_to_nobody() -> None:
    story = Story()
    story.up("a:disk")
    store = store_of(story)
    (key,) = (key for key in store if b"|alert:" in key)
    full = store | {key + str(number).encode(): store[key] for number in range(1, MOST_ALERTS)}
    fold = new_fold()
    fold.load(full.items())
    story.up("b:disk")
    (derived,) = fold.apply(story.records[1]).outputs
    assert isinstance(derived.event, NotificationSuppressed)
    assert derived.event.data.detail == f"{MOST_ALERTS} alerts are kept already"


def parts_ahead() -> dict[bytes, bytes]:
    """The parts of the last batch were written, the partition's own state was not."""
    story = Story()
    story.up("a:disk")
    story.ticks(60)
    story.ack("a:disk")
    store = store_of(story, 5)
    before = store_of_first(story, 5)
    return {**store, partition_key(0): before[partition_key(0)]}


def store_of_first(story: Story, cut: int) -> dict[bytes, bytes]:
    fold = new_fold()
    for record in story.records[:cut]:
        fold.apply(record)
    changes = fold.changes()
    assert changes is not None
    return dict([*changes.states, changes.partition])


def test_parts_that_are_ahead_are_read_as_they_were_and_written_again() -> None:
    fold = new_fold()
    fold.load(parts_ahead().items())
    (alert,) = fold.parts[ALERT].values()
    assert alert.acknowledged is None
    assert alert.first_told_ms is None
    assert fold.next_offset == 5
    fold.pass_over(5)
    changes = fold.changes()
    assert changes is not None
    stored = {key: orjson.loads(value) for key, value in changes.states}
    assert stored[f"0|alert:{alert.id}".encode()]["offset"] == 5


def test_a_partition_that_another_put_back_is_refused_and_so_are_parts_of_no_known_kind() -> None:
    story = Story()
    story.up("a:disk")
    story.ticks(60)
    story.ack("a:disk")
    store = store_of(story, 5, 8)
    store[partition_key(0)] = store_of_first(story, 3)[partition_key(0)]
    with pytest.raises(StateUnreadable, match=r"the partition of 2"):
        new_fold().load(store.items())
    for key, part, why in (
        ("nonsense:1", {}, "is of no kind"),
        ("alert:1", {"id": 1}, r"cannot be read \("),
        ("alert", {}, r"cannot be read \("),
    ):
        value: dict[str, Any] = {"v": 1, "offset": -1, "part": part, "before": None, "since": -1}
        with pytest.raises(StateUnreadable, match=why):
            new_fold().load([(f"0|{key}".encode(), orjson.dumps(value))])
    with pytest.raises(StateUnreadable, match="has no 'since'"):
        new_fold().load([(b"0|web-1", b'{"v":1,"offset":1,"scopes":{},"sent":1,"core":{}}')])
