"""Properties of notifications: redelivery, cut batches and kills change nothing; nobody is forgotten or told twice."""

import random
from bisect import bisect_right
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alert import AlertRaised
from schemas.clock import ClockTicked
from schemas.codec import encode
from schemas.notification import NotificationRequested, NotificationSuppressed
from schemas.record import RecordReader
from schemas.rules import RulesLoaded
from streams.notifications.state import ALERT, BACKLOG, GROUP
from tests.unit.streams.alert_story import Story, new_fold

DEVICES = ("a", "b", "c", "d")
RULES = ("disk", "cpu", "device_offline", "absent")
SEVERITIES = ("info", "warning", "critical")
seeds = st.integers(min_value=0, max_value=2**32)


def random_policy(rng: random.Random) -> dict[str, Any]:
    """Some of everything, with short times."""
    route: dict[str, Any] = {
        "receivers": rng.choice([["gotify"], ["gotify", "webhook"], []]),
        "matchers": rng.choice([{}, {"rule": "d.*"}, {"group": "lab"}, {"severity": "critical|warning"}]),
        "continue": rng.random() < 0.5,
        "group_by": rng.choice([["device"], ["rule"], []]),
        "group_wait": rng.choice(["0s", "10s", "30s"]),
        "group_interval": rng.choice(["0s", "30s", "5m"]),
        "repeat_after": rng.choice(["1m", "10m", None, {"critical": "30s"}]),
        "escalation": rng.choice([[], [{"after": "20s", "receivers": ["webhook"]}]]),
    }
    policy: dict[str, Any] = {
        "receivers": {
            "gotify": {"rate_limit": rng.choice([None, {"messages": 2, "per": "1m"}])},
            "webhook": {"resolved": rng.random() < 0.7},
        },
        "routes": [route | {"name": "one"}, {"name": "rest", "receivers": ["gotify"], "group_wait": "10s"}],
        "burst": rng.choice([None, {"alerts": 2, "window": "30s"}]),
        "backlog": {"settle": "15s", "at_most": "1m", "past": rng.choice(["digest", "suppress"])},
    }
    if rng.random() < 0.3:
        policy["quiet_hours"] = [{"from": "12:01", "to": "12:04", "severities": ["info", "warning"]}]
    if rng.random() < 0.3:
        window = {"name": "w", "weekdays": ["sat"], "start": "12:02", "duration": "1m", "matchers": {"rule": "cpu"}}
        policy["maintenance"] = [window]
    return policy


def random_story(rng: random.Random, length: int) -> Story:
    """Alerts that come and go, on time and late; operators who speak; policies that change; repeated records."""
    story = Story(random_policy(rng) if rng.random() < 0.8 else None)
    silences, windows = [], []
    for _ in range(length):
        kind = rng.random()
        firing = sorted(story.ids)
        if kind < 0.4:
            story.tick(after=rng.choice([5.0, 5.0, 5.0, 120.0]))
        elif kind < 0.65:
            name = f"{rng.choice(DEVICES)}:{rng.choice(RULES)}"
            if name not in story.ids:
                facts = {"parents": tuple(rng.sample(DEVICES, 1)), "groups": rng.choice([(), ("lab",)])}
                story.up(name, rng.choice(SEVERITIES), late_s=rng.choice([0, 0, 300]), **facts)
        elif kind < 0.8 and firing:
            name = rng.choice(firing)
            story.down(name, rng.choice(["cleared", "device_retired"]), late_s=rng.choice([0, 0, 300]))
            del story.ids[name]
        elif kind < 0.85 and firing:
            rng.choice([story.ack, story.unack])(rng.choice(firing))
        elif kind < 0.88:
            silences.append(story.silence(rng.choice([10, 60]), rule=rng.choice(RULES), after_s=rng.choice([0, 10])))
        elif kind < 0.9 and silences:
            story.unsilence(rng.choice(silences))
        elif kind < 0.92:
            windows.append(story.maintain(rng.choice(["_fleet", "a"]), seconds=rng.choice([None, 30])))
        elif kind < 0.94 and windows:
            story.end(rng.choice(windows))
        elif kind < 0.97 and story.records:
            story.again(rng.randrange(len(story.records)))
        elif kind > 0.98:
            story.policy(random_policy(rng))
    return story


def let_it_end(story: Story) -> None:
    """Let everything come to rest that holds something back, but for acknowledgements."""
    story.policy({"receivers": ["gotify", "webhook"], "burst": None, "inhibition": []})
    story.ticks(1200, 10.0)


def outputs_of(fold: Any, story: Story, begin: int, end: int) -> list[tuple[str, bytes]]:
    reader = RecordReader()
    found = []
    for raw in story.raws[begin:end]:
        applied = fold.apply(reader.read(raw))
        assert not [one for one in applied.problems if not one.reason.startswith("rules_")]
        found += [(str(one.event.id), encode(one.event)) for one in applied.outputs]
    return found


@given(seed=seeds)
@settings(max_examples=60, deadline=None)
def test_a_kill_between_any_two_writes_changes_no_result(seed: int) -> None:
    rng = random.Random(seed)
    story = random_story(rng, 80)
    whole = new_fold()
    expected = outputs_of(whole, story, 0, len(story.raws))
    assert len({one for one, _ in expected}) == len(expected)
    store: dict[bytes, bytes] = {}
    topic: list[tuple[str, bytes]] = []
    at = 0
    while at < len(story.raws):
        fold = new_fold()
        fold.load(rng.sample(sorted(store.items()), len(store)))
        at = max(0, fold.next_offset - rng.randint(0, 10))
        for _ in range(rng.randint(1, 4)):
            end = min(len(story.raws), at + rng.randint(1, 15))
            batch = outputs_of(fold, story, at, end)
            at, changes = end, fold.changes()
            killed = rng.random()
            if killed < 0.2:
                topic += batch[: rng.randint(0, len(batch))]
                at = 0
                break
            topic += batch
            if changes is None:
                continue
            if killed < 0.4:
                store.update(dict(rng.sample(changes.states, rng.randint(0, len(changes.states)))))
                at = 0
                break
            store.update(dict([*changes.states, changes.partition]))
            if killed < 0.5:
                break
            for key in changes.forgotten:
                store.pop(key, None)
    assert dict(topic) == dict(expected)
    assert all(dict(expected)[one] == value for one, value in topic)


@given(seed=seeds)
@settings(max_examples=30, deadline=None)
def test_stored_parts_are_read_back_as_they_were(seed: int) -> None:
    story = random_story(random.Random(seed), 80)
    fold = new_fold()
    outputs_of(fold, story, 0, len(story.raws))
    changes = fold.changes()
    assert changes is not None
    again = new_fold()
    again.load([*changes.states, changes.partition])
    assert again.parts == fold.parts
    assert again.next_offset == fold.next_offset


@given(seed=seeds)
@settings(max_examples=60, deadline=None)
def test_every_alert_ends_in_a_decision_and_is_raised_once_a_receiver(seed: int) -> None:
    story = random_story(random.Random(seed), 80)
    let_it_end(story)
    raised: Counter[tuple[str, str]] = Counter()
    decided: set[str] = set()
    for event in story.events():
        decided |= {str(one) for one in event.data.alert_ids}
        if isinstance(event, NotificationRequested) and event.data.kind in {"raised", "digest"}:
            holding = set(event.data.alert_ids) - set(event.data.over_ids)
            raised.update((event.data.receiver, str(one)) for one in holding)
    alerts = {str(record.event.id) for record in story.records if isinstance(record.event, AlertRaised)}
    assert alerts <= decided
    assert [one for one, count in raised.items() if count > 1] == []


@given(seed=seeds)
@settings(max_examples=40, deadline=None)
def test_nothing_is_left_of_what_is_over(seed: int) -> None:
    story = random_story(random.Random(seed), 80)
    let_it_end(story)
    for name in sorted(story.ids):
        story.down(name)
    story.ticks(900, 10.0)
    fold = new_fold()
    outputs_of(fold, story, 0, len(story.raws))
    assert (fold.parts[ALERT], fold.parts[GROUP], fold.parts[BACKLOG]) == ({}, {}, {})


@given(seed=seeds)
@settings(max_examples=40, deadline=None)
def test_ticks_without_news_write_and_say_nothing(seed: int) -> None:
    story = random_story(random.Random(seed), 60)
    story.policy({"routes": [{"name": "all", "receivers": ["gotify"], "repeat_after": None}]})
    story.ticks(1200, 10.0)
    fold = new_fold()
    outputs_of(fold, story, 0, len(story.raws))
    fold.changes()
    before = len(story.raws)
    story.ticks(600, 10.0)
    assert outputs_of(fold, story, before, len(story.raws)) == []
    changes = fold.changes()
    assert changes is not None
    assert changes.states == ()


@given(seed=seeds)
@settings(max_examples=40, deadline=None)
def test_what_holds_an_alert_back_is_said_once_and_not_at_every_tick(seed: int) -> None:
    """Said again only after it was let go at a tick between, something else was said, or the policy is another."""
    story = random_story(random.Random(seed), 80)
    ticks = [record.offset for record in story.records if isinstance(record.event, ClockTicked)]
    policies = [record.offset for record in story.records if isinstance(record.event, RulesLoaded)]
    last: dict[tuple[str, str], tuple[str, int, int]] = {}
    for offset, event in story.outcomes():
        assert isinstance(event, NotificationRequested | NotificationSuppressed)
        place, policy = bisect_right(ticks, offset), bisect_right(policies, offset)
        for alert in event.data.alert_ids:
            key = (event.data.receiver or "", str(alert))
            said = event.data.detail if isinstance(event, NotificationSuppressed) else event.data.kind
            before = last.get(key)
            assert before is None or before[0] != said or place > before[1] + 1 or policy > before[2]
            last[key] = (said, place, policy)
