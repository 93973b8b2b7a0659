"""Why somebody is not told, and what is told afterwards: silences, maintenance, dependencies, quiet hours, limits."""

from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.notification import NotificationRequested
from tests.unit.streams.alert_story import Story, bodies, new_fold
from tests.unit.streams.test_notifications import at_once

HOST: dict[str, Any] = {"parents": ("switch",)}


def test_what_is_silenced_is_told_when_the_silence_is_over_and_it_still_holds() -> None:
    story = Story()
    silence_id = story.silence(120, rule="di.*")
    story.up("web-1:disk")
    story.up("web-1:cpu")
    story.ticks(300)
    assert story.told() == ["5 gotify silenced web-1:disk", "35 gotify raised web-1:cpu"]
    story.ticks(300)
    assert story.told()[2:] == ["335 gotify raised web-1:disk"]
    detail = bodies(story.events())[0]
    assert detail == f"silence {silence_id} of ada until 2026-11-21 12:02:00 UTC: known"
    assert "since: 2026-11-21 12:00:00" in bodies(story.events())[2]


def test_a_silence_can_be_ended_is_of_a_device_or_of_all_and_begins_when_it_says() -> None:
    story = Story(at_once())
    mine = story.silence(3600, "web-1", severity="warning")
    story.silence(3600, after_s=60, device="db.*")
    story.up("web-1:disk")
    story.up("web-2:disk")
    story.up("db-1:disk")
    story.ticks(60)
    story.up("db-1:cpu")
    story.ticks(60)
    story.unsilence(mine)
    story.ticks(60)
    assert story.told() == [
        "5 gotify silenced web-1:disk",
        "5 gotify raised web-2:disk",
        "5 gotify raised db-1:disk",
        "65 gotify silenced db-1:cpu",
        "125 gotify raised web-1:disk",
    ]


def test_the_end_of_what_was_told_is_not_told_in_silence() -> None:
    story = Story(at_once())
    story.up("web-1:disk")
    story.ticks(600)
    story.silence(600)
    story.down("web-1:disk")
    story.ticks(900)
    assert story.told() == ["5 gotify raised web-1:disk", "605 gotify silenced web-1:disk"]
    assert bodies(story.events())[1].startswith("it is over; silence ")


def test_a_repeat_that_falls_into_a_silence_is_made_up_for() -> None:
    story = Story(at_once(repeat_after="10m"))
    story.up("web-1:disk")
    story.ticks(300)
    story.silence(900)
    story.ticks(1800)
    assert story.told() == [
        "5 gotify raised web-1:disk",
        "605 gotify silenced web-1:disk",
        "1200 gotify reminder web-1:disk",
        "1800 gotify reminder web-1:disk",
    ]


def test_an_operators_word_that_is_delivered_again_changes_nothing() -> None:
    story = Story(at_once())
    story.up("web-1:disk")
    silence_id = story.silence(3600)
    story.unsilence(silence_id)
    story.again(2)
    story.again(1)
    story.ticks(60)
    assert story.told() == ["5 gotify raised web-1:disk"]


def test_a_silence_that_is_no_regular_expression_is_put_aside() -> None:
    story = Story()
    story.silence(60, rule="[")
    (problem,) = new_fold().apply(story.records[0]).problems
    assert "rule: '[' is no regular expression" in problem.message


def test_maintenance_holds_for_its_devices_and_alerts_until_it_is_ended() -> None:
    story = Story(at_once())
    first = story.maintain("web-1", comment="new disk")
    story.maintain(seconds=60, groups=("lab",), matchers={"severity": "warning"})
    story.up("web-1:disk")
    story.up("l1:disk", groups=("lab", "berlin"))
    story.up("l2:disk", "critical", groups=("lab",))
    story.up("p1:disk", groups=("prod",))
    story.ticks(100)
    story.end(first, "web-1")
    story.ticks(60)
    assert story.told() == [
        "5 gotify maintenance web-1:disk",
        "5 gotify maintenance l1:disk",
        "5 gotify raised l2:disk",
        "5 gotify raised p1:disk",
        "60 gotify raised l1:disk",
        "105 gotify raised web-1:disk",
    ]
    assert bodies(story.events())[0] == f"maintenance {first} of ada until it is ended: new disk"


def test_maintenance_that_comes_again_by_the_policy() -> None:
    window = {"name": "backup", "weekdays": ["sat"], "start": "13:01", "duration": "2m", "timezone": "Europe/Berlin",
              "matchers": {"rule": "cpu"}}  # fmt: skip
    story = Story(at_once() | {"maintenance": [window]})
    story.ticks(65)
    story.up("web-1:cpu")
    story.up("web-1:disk")
    story.ticks(200)
    assert story.told()[:2] == ["70 gotify maintenance web-1:cpu", "70 gotify raised web-1:disk"]
    assert bodies(story.events())[0] == "planned maintenance 'backup' until 2026-11-21 12:03:00 UTC"
    story.ticks(200)
    assert story.told()[2:] == ["370 gotify raised web-1:cpu"]


def test_an_alert_inhibits_others_of_its_device_while_it_fires() -> None:
    story = Story(at_once(group_interval="0s"))
    story.up("web-1:device_offline", "critical")
    story.up("web-1:absent")
    story.up("web-2:absent")
    story.ticks(60)
    story.down("web-1:device_offline")
    story.ticks(60)
    assert story.told() == [
        "5 gotify inhibited web-1:absent",
        "5 gotify raised web-1:device_offline",
        "5 gotify raised web-2:absent",
        "65 gotify resolved web-1:device_offline",
        "65 gotify raised web-1:absent",
    ]
    assert "(device_offline on web-1) inhibits it: the device is offline" in bodies(story.events())[0]


def test_two_alerts_that_inhibit_do_not_silence_each_other() -> None:
    rule = {"name": "bad", "source": {"severity": "critical"}, "target": {}, "equal": ["site"]}
    story = Story(at_once() | {"inhibition": [rule]})
    for name, severity in (("a:x", "critical"), ("b:x", "critical"), ("c:x", "warning")):
        story.up(name, severity, labels={"site": "berlin"})
    story.tick()
    assert story.told() == ["5 gotify inhibited c:x", "5 gotify raised a:x", "5 gotify raised b:x"]


def test_the_alerts_of_what_hangs_on_a_switch_are_effects_even_if_they_come_first() -> None:
    story = Story()
    story.up("host:device_offline", "critical", **HOST)
    story.ticks(15)
    story.up("switch:device_offline", "critical")
    story.ticks(100)
    assert story.told() == ["20 gotify dependency host:device_offline", "45 gotify raised switch:device_offline"]
    assert bodies(story.events())[0].startswith("switch, on which host depends, is down (alert ")
    story.down("switch:device_offline")
    story.ticks(20)
    story.down("host:device_offline")
    story.ticks(600)
    assert story.told()[2:] == [
        "140 gotify grouped host:device_offline",
        "345 gotify resolved switch:device_offline",
    ]


def test_what_still_holds_once_the_parent_is_back_is_told() -> None:
    story = Story()
    story.up("switch:device_offline", "critical")
    story.up("host:disk", **HOST)
    story.ticks(100)
    story.down("switch:device_offline")
    story.ticks(60)
    assert "135 gotify raised host:disk" in story.told()


def test_dependencies_reach_through_what_is_known_of_parents() -> None:
    story = Story()
    story.up("rack:fan", parents=("ups",))
    story.up("ups:device_offline", "critical")
    story.up("host:disk", parents=("rack", "host"))
    story.ticks(60)
    assert [line for line in story.told() if "host" in line] == ["5 gotify dependency host:disk"]
    assert "ups, on which host depends" in bodies(story.events())[1]


def test_devices_that_depend_on_each_other_hide_nothing() -> None:
    story = Story()
    story.up("a:device_offline", parents=("b",))
    story.up("b:device_offline", parents=("a",))
    story.ticks(60)
    assert story.told() == ["35 gotify raised a:device_offline", "35 gotify raised b:device_offline"]


NIGHT = {"quiet_hours": [{"name": "night", "from": "22:00", "to": "07:00", "timezone": "Europe/Berlin"}]}


def test_what_still_holds_after_quiet_hours_is_told_in_one_message() -> None:
    story = Story(NIGHT, start=datetime(2026, 11, 21, 20, 55, tzinfo=UTC))
    story.up("a:disk")
    story.ticks(360)
    story.down("a:disk")
    story.up("b:disk")
    story.up("c:cpu", "info")
    story.up("d:dead", "critical")
    story.up("e:swap")
    story.ticks(60)
    story.down("e:swap")
    story.ticks(8 * 3600, 60.0)
    assert story.told() == [
        "35 gotify raised a:disk",
        "365 gotify quiet_hours a:disk",
        "365 gotify quiet_hours b:disk",
        "365 gotify quiet_hours c:cpu",
        "365 gotify quiet_hours e:swap",
        "390 gotify raised d:dead",
    ]
    assert bodies(story.events())[2] == "night until 2026-11-22 06:00:00 UTC"
    story.ticks(3600, 60.0)
    assert story.told()[6:] == ["32700 gotify digest b:disk c:cpu a:disk"]
    digest = story.events()[-1]
    assert isinstance(digest, NotificationRequested)
    assert digest.data.title == "[warning] 3 alerts on 3 devices: 2 still hold, 1 is over"


def test_quiet_hours_may_be_of_one_receiver() -> None:
    hours = {"from": "00:00", "to": "23:59", "receivers": ["gotify"], "severities": ["warning"]}
    story = Story({"receivers": ["gotify", "webhook"], "quiet_hours": [hours]})
    story.up("a:disk")
    story.ticks(60)
    assert story.told() == ["5 gotify quiet_hours a:disk", "35 webhook raised a:disk"]


def test_what_is_above_the_rate_limit_comes_in_one_digest() -> None:
    story = Story(at_once() | {"receivers": {"gotify": {"rate_limit": {"messages": 2, "per": "10m"}}, "webhook": {}}})
    for number in range(5):
        story.up(f"w{number}:disk")
    story.tick()
    story.down("w4:disk")
    story.ticks(600)
    assert story.told() == [
        "5 gotify raised w0:disk",
        "5 gotify raised w1:disk",
        "5 gotify rate_limited w2:disk",
        "5 gotify rate_limited w3:disk",
        "5 gotify rate_limited w4:disk",
        "305 gotify digest w2:disk w3:disk w4:disk",
    ]
    assert "gotify had its 2 messages in 10m" in bodies(story.events())[2]


def test_reminders_and_escalations_above_the_rate_limit_wait() -> None:
    policy = at_once(repeat_after="10m", escalation=[{"after": "10m", "receivers": ["webhook"]}])
    tight = {"rate_limit": {"messages": 1, "per": "1h"}}
    story = Story(policy | {"receivers": {"gotify": tight, "webhook": tight}})
    story.up("a:disk")
    story.up("b:disk")
    story.ticks(2 * 3600)
    assert story.told() == [
        "5 gotify raised a:disk",
        "5 gotify rate_limited b:disk",
        "605 gotify rate_limited a:disk",
        "605 webhook escalation a:disk",
        "1205 webhook rate_limited a:disk",
        "3605 gotify raised b:disk",
        "4205 gotify rate_limited b:disk",
        "4205 webhook escalation b:disk",
        "4805 webhook rate_limited b:disk",
    ]


def test_a_burst_becomes_one_digest_and_the_next_one_waits_for_the_window() -> None:
    story = Story({"burst": {"alerts": 3, "window": "2m"}})
    for number in range(5):
        story.up(f"w{number}:disk")
    story.ticks(20)
    story.up("w5:disk")
    story.ticks(30)
    story.up("w6:disk")
    story.ticks(200)
    story.up("w7:disk")
    story.ticks(60)
    assert story.told() == [
        "35 gotify digest w0:disk w1:disk w2:disk w3:disk w4:disk w5:disk",
        "155 gotify raised w6:disk",
        "280 gotify raised w7:disk",
    ]


def test_nobody_is_paged_for_the_past() -> None:
    story = Story()
    story.up("a:disk")
    story.ticks(60)
    for number in range(30):
        story.up(f"w{number}:old", historical=True, late_s=3600)
        story.down(f"w{number}:old", late_s=3600)
        story.wait(1)
    for number in range(10):
        story.up(f"h{number}:late", late_s=600)
    story.down("a:disk", late_s=600)
    story.up("z:now")
    story.ticks(120)
    assert [" ".join(line.split()[:3]) for line in story.told()] == [
        "35 gotify raised",
        "115 gotify raised",
        "115 gotify digest",
        "115 gotify raised",
    ]
    assert [len(event.data.alert_ids) for event in story.events()] == [1, 1, 31, 10]


def test_the_past_may_be_told_to_nobody_and_a_silence_holds_for_a_backlog() -> None:
    story = Story({"backlog": {"past": "suppress"}})
    story.silence(3600, device="b")
    story.up("a:old", historical=True)
    story.down("a:old")
    story.up("b:late", late_s=300)
    story.ticks(120)
    assert sorted(story.told()) == ["35 gotify historical a:old", "35 gotify silenced b:late"]


def test_a_backlog_that_does_not_end_is_told_after_a_while() -> None:
    story = Story({"backlog": {"at_most": "2m"}})
    story.up("a:late", late_s=300)
    for number in range(60):
        story.up(f"w{number}:late", late_s=300)
        story.tick()
    (first, *_) = story.told("raised")
    assert first.startswith("125 gotify raised a:late w0:late")


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ({"routes": [{"name": "a", "receivers": ["nobody"]}]}, "the route 'a' names the receiver 'nobody'"),
        ({"routes": [{"name": "a", "severity": "bad"}]}, "notifications.routes.0.severity: "),
        ({"routes": [{"name": "a", "matchers": {"rule": "["}}]}, "notifications.routes.0.matchers.rule: '['"),
        ({"routes": [{"name": "a"}, {"name": "a"}]}, "there are two routes named 'a'"),
        ({"quiet_hours": [{"from": "22:00", "to": "25:00"}]}, "'25:00' is no time of day"),
        ({"quiet_hours": [{"from": "22:00", "to": "22:00"}]}, "would never begin or never end"),
        ({"timezone": "Mars/Base"}, "notifications.timezone: there is no time zone 'Mars/Base'"),
        ({"maintenance": [{"name": "a", "start": "1:00", "duration": "1h"}]}, "says neither `weekdays` nor `dates`"),
        ({"receivers": {"gotify": {"rate_limit": {"messages": 0}}}}, "receivers.gotify.rate_limit.messages: "),
        ({"nonsense": 1}, "notifications.nonsense"),
    ],
)  # fmt: skip
def test_a_policy_that_is_wrong_is_refused_with_the_place(policy: dict[str, Any], why: str) -> None:
    story = Story(policy)
    (problem,) = new_fold().apply(story.records[0]).problems
    assert problem.reason == "rules_invalid"
    assert why in problem.message
