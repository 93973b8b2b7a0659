"""The core of notifications: one request a receiver for each alert raised or resolved."""

from typing import Any
from uuid import UUID

from schemas.alert import AlertRaised, AlertRaisedData, AlertResolved, AlertResolvedData
from schemas.envelope import Envelope
from schemas.notification import NotificationRequested, NotificationSuppressed
from schemas.registry import ALERTS
from streams.fold import PartitionFold
from streams.notifications.core import Notifications
from streams.notifications.text import escaped
from tests.unit.streams.log_of_events import START, Log

ALERT = UUID("018f0000-0000-7000-8000-0000000000aa")


def envelope(log: Log, sequence: int) -> dict[str, Any]:
    return {
        "source": "/streams/alerts-metrics",
        "subject": "web-1",
        "time": log.now(),
        "sequence": sequence,
    }


def raised(log: Log, *, historical: bool = False) -> AlertRaised:
    return AlertRaised(
        **envelope(log, 1),
        id=ALERT,
        data=AlertRaisedData(
            rule="full",
            rule_revision=1,
            severity="critical",
            labels={"mount": "/a_b"},
            value=0.97,
            unit="1",
            since=START,
            summary="/a_b is *full*",
            description="more words",
            runbook="https://example.org/full",
            historical=historical,
        ),
    )


def resolved(log: Log) -> AlertResolved:
    return AlertResolved(
        **envelope(log, 2),
        id=UUID(int=ALERT.int + 1),
        data=AlertResolvedData(
            rule="full", rule_revision=1, severity="critical", alert_id=ALERT, reason="no_data", raised_at=START,
            summary="/a_b is *full*",
        ),
    )  # fmt: skip


def run(log: Log) -> list[Envelope]:
    fold: PartitionFold[Any, Any] = PartitionFold(Notifications(), 0)
    found: list[Envelope] = []
    for record in log.records:
        applied = fold.apply(record)
        assert applied.problems == ()
        found += [one.event for one in applied.outputs]
    return found


def test_raised_and_resolved_become_one_request_each() -> None:
    log = Log(ALERTS)
    log.append(raised(log))
    log.append(resolved(log))
    first, second = run(log)
    assert isinstance(first, NotificationRequested)
    assert isinstance(second, NotificationRequested)
    assert (first.data.kind, second.data.kind) == ("raised", "resolved")
    assert first.data.receiver == second.data.receiver == "gotify"
    assert first.data.alert_ids == second.data.alert_ids == (ALERT,)
    assert first.data.title == "[critical] /a_b is *full*"
    assert "/a\\_b is \\*full\\*" in first.data.body
    assert "https://example.org/full" in first.data.body
    assert "no more data" in second.data.body
    assert first.subject == "web-1"
    assert first.causationid == ALERT
    assert (first.sequence, second.sequence) == (1, 2)


def test_each_receiver_of_the_policy_gets_its_own() -> None:
    log = Log(ALERTS)
    log.rules("notification_policy", {"receivers": ["gotify", "webhook"]})
    log.append(raised(log))
    events = run(log)
    assert [event.data.receiver for event in events if isinstance(event, NotificationRequested)] == [
        "gotify",
        "webhook",
    ]
    assert len({event.id for event in events}) == 2


def test_what_is_over_already_is_told_to_nobody() -> None:
    log = Log(ALERTS)
    log.append(raised(log, historical=True))
    (event,) = run(log)
    assert isinstance(event, NotificationSuppressed)
    assert event.data.reason == "historical"


def test_markdown_is_made_plain() -> None:
    assert escaped("a_b [c](d) `e` <f>") == "a\\_b \\[c\\](d) \\`e\\` \\<f\\>"
