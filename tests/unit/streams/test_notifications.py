"""Who is told of an alert: messages, routes, groups, repeats, escalation, acknowledgement."""

import re
from pathlib import Path

import yaml

from schemas.notification import NotificationRequested
from streams.notifications.policy import NotificationPolicy
from streams.notifications.text import MOST_LINES, escaped
from tests.unit.streams.alert_story import Story, bodies

ROOT = Path(__file__).parents[3]
TWO = {"receivers": ["gotify", "webhook"]}


def at_once(**route: object) -> dict[str, object]:
    """A policy whose one route waits for nothing, but for what is said."""
    return {
        "receivers": ["gotify", "webhook"],
        "routes": [{"name": "all", "receivers": ["gotify"], "group_wait": "0s", **route}],
    }


def test_a_policy_that_says_nothing_tells_gotify_after_half_a_minute() -> None:
    story = Story()
    alert_id = story.up("web-1:disk", "critical", labels={"mount": "/a_b"}, summary="/a_b is *full*", value=0.97,
                        unit="1", runbook="https://example.org/full", description="more words")  # fmt: skip
    story.ticks(300)
    story.down("web-1:disk", "no_data")
    story.ticks(300)
    assert story.told() == ["35 gotify raised web-1:disk", "335 gotify resolved web-1:disk"]
    first, second = story.events()
    assert isinstance(first, NotificationRequested)
    assert isinstance(second, NotificationRequested)
    assert first.data.title == "[critical] /a_b is *full*"
    assert "/a\\_b is \\*full\\*" in first.data.body
    assert "https://example.org/full" in first.data.body
    assert str(alert_id) in first.data.body
    assert first.data.since == story.start
    assert (first.data.rule, first.data.severity, first.subject) == ("disk", "critical", "web-1")
    assert "no more data" in second.data.body
    assert (first.sequence, second.sequence) == (1, 2)


def test_the_shipped_policy_and_the_one_in_the_documents_are_valid() -> None:
    page = (ROOT / "docs" / "notifications.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    for text in (example, (ROOT / "policies.yaml").read_text()):
        policy = NotificationPolicy.model_validate(yaml.safe_load(text)["notifications"])
        assert policy.all_routes[-1].receivers == ("gotify",)


def test_times_are_said_as_people_there_write_them() -> None:
    story = Story({"timezone": "Europe/Berlin"})
    story.up("web-1:disk")
    story.ticks(60)
    assert "since: 2026-11-21 13:00:00 CET" in bodies(story.events())[0]


def test_markdown_is_made_plain() -> None:
    assert escaped("a_b [c](d) `e` <f>") == "a\\_b \\[c\\](d) \\`e\\` \\<f\\>"
    assert escaped("~~a~~ &lt;") == "\\~\\~a\\~\\~ \\&lt;"


def test_a_summary_is_one_line_and_names_its_device_once() -> None:
    story = Story(at_once(group_by=[]))
    story.up("web-1:disk", "critical", summary="web-1: /srv\nis full")
    story.ticks(60)
    assert bodies(story.events())[0].startswith("**web-1: /srv is full**\n\n- device: web-1\n")
    story = Story(at_once(group_by=[]))
    for device, summary in (("web-1", "web-1: /srv\nis full"), ("nas", "nas is offline"), ("web", "web-1 is meant")):
        story.up(f"{device}:disk", summary=summary)
    story.ticks(60)
    listed = [line.partition(" (")[0] for line in bodies(story.events())[0].splitlines()[2:]]
    assert listed == [
        "- **warning** web-1: /srv is full",
        "- **warning** nas is offline",
        "- **warning** web: web-1 is meant",
    ]


def test_each_receiver_gets_its_own_and_only_once() -> None:
    story = Story(TWO)
    story.up("web-1:disk")
    story.ticks(3600)
    assert story.told() == ["35 gotify raised web-1:disk", "35 webhook raised web-1:disk"]


def test_what_was_over_before_its_group_was_due_is_told_to_nobody() -> None:
    story = Story()
    story.up("web-1:disk")
    story.ticks(20)
    story.down("web-1:disk")
    story.ticks(600)
    assert story.told() == ["25 gotify grouped web-1:disk"]
    assert "after 15 s, before its group was due" in bodies(story.events())[0]


def test_the_first_route_that_matches_takes_an_alert_unless_it_says_continue() -> None:
    routes = [
        {"name": "no tests", "matchers": {"group": "test|lab"}},
        {"name": "disks", "matchers": {"rule": "disk.*"}, "receivers": ["webhook"], "continue": True},
        {"name": "bad", "severity": "critical", "receivers": ["gotify"]},
    ]
    story = Story({"receivers": ["gotify", "webhook"], "routes": routes})
    story.up("a:disk_full", groups=("prod", "lab"))
    story.up("b:disk_full", "critical")
    story.up("c:cpu", "critical", groups=("prod",))
    story.up("d:cpu")
    story.ticks(60)
    assert story.told() == [
        "0 - no_route a:disk_full",
        "0 - no_route d:cpu",
        "35 gotify raised b:disk_full",
        "35 gotify raised c:cpu",
        "35 webhook raised b:disk_full",
    ]
    assert bodies(story.events())[:2] == [
        "the route 'no tests' leads to no receiver",
        "no route of the policy matches it",
    ]


def test_labels_that_are_absent_count_as_empty() -> None:
    policy = at_once(matchers={"mount": "/srv.*|", "severity": "warning|critical", "device": "web-.*"})
    story = Story(policy)
    story.up("web-1:a", labels={"mount": "/srv/data"})
    story.up("web-2:b")
    story.up("web-3:c", labels={"mount": "/home"})
    story.up("db-1:d")
    story.tick()
    assert story.told("raised") == ["5 gotify raised web-1:a", "5 gotify raised web-2:b"]


def test_alerts_of_one_group_become_one_request_and_later_ones_wait_for_the_interval() -> None:
    story = Story()
    story.up("web-1:disk")
    story.ticks(20)
    story.up("web-1:cpu", "critical")
    story.up("web-2:cpu")
    story.ticks(40)
    story.up("web-1:swap")
    story.ticks(600)
    assert story.told() == [
        "35 gotify raised web-1:cpu web-1:disk",
        "50 gotify raised web-2:cpu",
        "335 gotify raised web-1:swap",
    ]
    together = story.events()[0]
    assert isinstance(together, NotificationRequested)
    assert together.data.title == "[critical] 2 alerts on web-1"
    assert together.data.rule is None
    assert "**critical** web-1: cpu on web-1" in together.data.body


def test_what_comes_back_within_the_interval_is_told_after_its_end() -> None:
    story = Story()
    story.up("web-1:disk")
    story.ticks(60)
    story.down("web-1:disk")
    story.ticks(60)
    first = story.ids["web-1:disk"]
    second = story.up("web-1:disk")
    story.ticks(300)
    assert story.told("resolved", "raised")[1:] == ["335 gotify resolved web-1:disk", "335 gotify raised web-1:disk"]
    assert [event.data.alert_ids for event in story.events()] == [(first,), (first,), (second,)]


def test_groups_are_made_by_what_the_policy_says() -> None:
    story = Story(at_once(group_by=["rule", "site"], group_wait="30s"))
    for number, site in enumerate(["berlin", "berlin", "rome"]):
        story.up(f"w{number}:cpu", labels={"site": site})
    story.ticks(40)
    assert story.told() == ["35 gotify raised w0:cpu w1:cpu", "35 gotify raised w2:cpu"]
    assert [event.subject for event in story.events()] == ["_fleet", "w2"]


def test_ends_are_grouped_too_and_a_receiver_may_want_none() -> None:
    story = Story({"receivers": {"gotify": None, "webhook": {"resolved": False}}})
    story.up("web-1:disk")
    story.up("web-1:cpu")
    story.ticks(600)
    story.down("web-1:disk")
    story.ticks(10)
    story.down("web-1:cpu")
    story.ticks(600)
    assert story.told("resolved") == ["630 gotify resolved web-1:disk web-1:cpu"]


def test_what_holds_is_repeated_by_severity_and_what_is_in_one_group_together() -> None:
    story = Story(at_once(repeat_after={"critical": "10m", "info": None}))
    story.up("web-1:disk", "critical")
    story.up("web-2:note", "info")
    story.ticks(120)
    story.up("web-1:cpu", "critical")
    story.ticks(1800)
    assert story.told("reminder") == [
        "605 gotify reminder web-1:disk web-1:cpu",
        "1205 gotify reminder web-1:disk web-1:cpu",
        "1805 gotify reminder web-1:disk web-1:cpu",
    ]
    story.ticks(11 * 3600, 60.0)
    assert not [line for line in story.told("reminder") if "note" in line]


def test_what_is_acknowledged_is_not_repeated_until_it_is_given_back_and_its_end_is_told() -> None:
    story = Story(at_once(repeat_after="10m"))
    story.up("web-1:disk")
    story.ticks(60)
    story.ack("web-1:disk")
    story.ticks(1200)
    story.unack("web-1:disk")
    story.ticks(60)
    story.ack("web-1:disk")
    story.ticks(60)
    story.down("web-1:disk")
    story.ticks(600)
    assert story.told() == [
        "5 gotify raised web-1:disk",
        "605 gotify acknowledged web-1:disk",
        "1265 gotify reminder web-1:disk",
        "1385 gotify resolved web-1:disk",
    ]
    assert bodies(story.events())[1] == "ada acknowledged it at 2026-11-21 12:01:00 UTC: on it"


def test_what_is_acknowledged_before_anybody_was_told_is_told_to_nobody() -> None:
    story = Story()
    story.up("web-1:disk")
    story.ack("web-1:disk")
    story.ticks(600)
    story.down("web-1:disk")
    story.ticks(600)
    assert story.told() == ["5 gotify acknowledged web-1:disk"]


ESCALATION = {
    "escalation": [
        {"after": "10m", "receivers": ["webhook"], "severity": "warning"},
        {"after": "30m", "receivers": ["webhook", "gotify"], "severity": "critical"},
    ]
}


def test_without_acknowledgement_further_receivers_are_told_step_by_step_and_of_the_end() -> None:
    story = Story(at_once(**ESCALATION))
    story.up("web-1:disk", "critical")
    story.up("web-1:cpu", "warning")
    story.up("web-1:note", "info")
    story.ticks(3600)
    story.down("web-1:cpu")
    story.ticks(60)
    assert story.told() == [
        "5 gotify raised web-1:disk web-1:cpu web-1:note",
        "605 webhook escalation web-1:disk web-1:cpu",
        "1805 gotify escalation web-1:disk",
        "1805 webhook escalation web-1:disk",
        "3605 gotify resolved web-1:cpu",
        "3605 webhook resolved web-1:cpu",
    ]
    assert "nobody has acknowledged" in bodies(story.events())[1]


def test_an_alert_of_two_routes_is_escalated_to_a_receiver_once_at_its_highest_step() -> None:
    step = {"after": "10m", "receivers": ["webhook"]}
    one: dict[str, object] = {"receivers": ["gotify"], "group_wait": "0s"}
    routes = [
        {"name": "a", "continue": True, "escalation": [step], **one},
        {"name": "b", "group_by": ["rule"], "escalation": [step, step], **one},
    ]
    story = Story({**TWO, "routes": routes})
    story.up("web-1:disk", "critical")
    story.ticks(1500)
    assert story.told() == ["5 gotify raised web-1:disk", "605 webhook escalation web-1:disk"]
    assert len({event.id for event in story.events()}) == 2


def test_who_is_told_by_an_escalation_is_not_told_by_his_group_besides() -> None:
    escalation = [{"after": "10m", "receivers": ["webhook"]}]
    routes: list[dict[str, object]] = [
        {"name": "a", "receivers": ["gotify"], "group_wait": "0s", "continue": True, "escalation": escalation},
        {"name": "b", "receivers": ["webhook"], "group_wait": "10m"},
    ]
    story = Story({**TWO, "routes": routes})
    story.up("web-1:disk", "critical")
    story.ticks(1500)
    assert story.told() == ["5 gotify raised web-1:disk", "605 webhook escalation web-1:disk"]


def test_acknowledgement_stops_escalation_and_giving_back_resumes_it() -> None:
    story = Story(at_once(**ESCALATION))
    story.up("web-1:disk", "warning")
    story.ticks(300)
    story.ack("web-1:disk")
    story.ticks(900)
    assert story.told() == ["5 gotify raised web-1:disk"]
    story.unack("web-1:disk")
    story.ticks(30)
    assert story.told()[1:] == ["1205 webhook escalation web-1:disk"]


def test_a_policy_that_changes_leads_anew_and_tells_nothing_again() -> None:
    story = Story(at_once())
    story.up("web-1:disk")
    story.ticks(20)
    story.up("web-1:cpu")
    story.policy(at_once(receivers=["gotify", "webhook"], name="both"))
    story.ticks(60)
    story.policy(at_once(receivers=[]))
    story.ticks(60)
    story.policy({"receivers": ["webhook"]})
    story.ticks(60)
    story.policy(at_once(receivers=["gotify", "webhook"]))
    story.ticks(60)
    story.down("web-1:disk")
    story.ticks(600)
    assert story.told() == [
        "5 gotify raised web-1:disk",
        "25 gotify raised web-1:cpu",
        "25 webhook raised web-1:disk web-1:cpu",
        "80 - no_route web-1:disk",
        "80 - no_route web-1:cpu",
        "265 gotify resolved web-1:disk",
        "265 webhook resolved web-1:disk",
    ]


def test_alerts_end_silently_for_receivers_that_the_policy_has_no_more() -> None:
    story = Story(at_once())
    story.up("web-1:disk")
    story.ticks(20)
    story.policy({"receivers": ["webhook"], "routes": []})
    story.down("web-1:disk", "rule_removed")
    story.ticks(600)
    assert story.told() == ["5 gotify raised web-1:disk", "20 - no_route web-1:disk"]


def test_long_lists_are_cut() -> None:
    story = Story(at_once(group_by=[]))
    for number in range(MOST_LINES + 10):
        story.up(f"w{number}:cpu")
    story.tick()
    (body,) = bodies(story.events())
    assert body.count("\n- ") == MOST_LINES + 1
    assert "and 10 more" in body
