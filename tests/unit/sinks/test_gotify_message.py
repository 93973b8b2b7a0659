"""What a Gotify message says, of one request and of several."""

from datetime import UTC, datetime
from uuid import UUID

from sinks.gotify.message import MOST_LISTED, message_of, sent_in
from sinks.gotify.settings import GotifySettings
from tests.contract.receivers import requested

SETTINGS = GotifySettings()
LINKED = GotifySettings(dashboard_url="https://grafana/d/x?var-device={device}&rule={rule}&alert={alert_id}")


def test_the_message_carries_priority_markdown_and_ids() -> None:
    request = requested(runbook="https://runbooks.example/disk")
    message = message_of([request], SETTINGS)
    assert (message.priority, message.title) == (8, "web-1: disk full")
    assert message.message == "**98%** used\n\nRunbook: https://runbooks.example/disk"
    assert message.extras == {
        "client::display": {"contentType": "text/markdown"},
        "client::notification": {"click": {"url": "https://runbooks.example/disk"}},
        "infrastructor::notification": {
            "request_id": str(request.id),
            "alert_ids": [str(UUID(int=7))],
            "over_ids": [],
            "device": "web-1",
            "kind": "raised",
            "severity": "critical",
            "rule": "disk_full",
        },
    }
    assert message_of([requested(kind="resolved")], SETTINGS).priority == 2
    assert message_of([requested(severity="warning")], SETTINGS).priority == 5
    assert message_of([requested(body=" ")], SETTINGS).message == "web-1: disk full"


def test_it_leads_to_the_dashboard_first() -> None:
    message = message_of([requested(runbook="https://runbooks.example/disk", rule="a b&c")], LINKED)
    link = f"https://grafana/d/x?var-device=web-1&rule=a%20b%26c&alert={UUID(int=7)}"
    assert message.extras["client::notification"] == {"click": {"url": link}}
    assert message.message.endswith(f"Runbook: https://runbooks.example/disk\n\n[Dashboard]({link})")
    assert "client::notification" not in message_of([requested(runbook="see page 4")], SETTINGS).extras


def test_a_digest_lists_the_worst_first_and_names_all() -> None:
    at = datetime(2026, 11, 1, 5, tzinfo=UTC)
    requests = [
        requested(title="over", kind="resolved"),
        requested(title="note *x*", severity="info"),
        requested(title="later", alert_ids=(UUID(int=8),)).model_copy(update={"time": at}),
        requested(title="worst"),
    ]
    message = message_of(requests, SETTINGS)
    assert (message.title, message.priority) == ("[critical] 4 notifications of web-1 that waited", 8)
    assert message.message.splitlines()[2:] == [
        "- 2026-11-01 00:00 UTC worst",
        "- 2026-11-01 05:00 UTC later",
        "- 2026-11-01 00:00 UTC note \\*x\\*",
        "- 2026-11-01 00:00 UTC over",
    ]
    sent = sent_in({"id": 4, "extras": message.extras})
    assert sent is not None
    assert sent.requests == {request.id for request in requests}
    assert sent.alerts == {UUID(int=7), UUID(int=8)}
    assert sent.over == {UUID(int=7)}
    assert (sent.message_id, sent.kind) == ("4", "digest")


def test_what_is_over_is_known_of_any_kind_of_request() -> None:
    alerts = (UUID(int=1), UUID(int=2))
    past = requested(kind="digest", alert_ids=alerts, over_ids=alerts)
    holds = requested(kind="digest", alert_ids=alerts, over_ids=alerts[:1])
    assert [message_of([one], SETTINGS).priority for one in (past, holds)] == [2, 8]
    assert message_of([holds], SETTINGS).extras["infrastructor::notification"]["over_ids"] == [str(alerts[0])]


def test_a_digest_leads_somewhere_where_all_lead_there() -> None:
    there = GotifySettings(dashboard_url="https://grafana/d/{device}")
    click = {"click": {"url": "https://grafana/d/web-1"}}
    assert message_of([requested(), requested()], there).extras["client::notification"] == click
    elsewhere = requested().model_copy(update={"subject": "web-2"})
    message = message_of([requested(), elsewhere], there)
    assert "client::notification" not in message.extras
    assert "[web-1: disk full](https://grafana/d/web-2)" in message.message
    assert message.title == "[critical] 2 notifications of 2 devices that waited"


def test_a_digest_of_very_many_says_how_many_more() -> None:
    lines = message_of([requested() for _ in range(MOST_LISTED + 5)], SETTINGS).message.splitlines()
    assert lines[-1] == "- and 5 more: `infrastructor alerts list`"
    assert len(lines) == 2 + MOST_LISTED + 1


def test_messages_of_others_are_none_of_ours() -> None:
    others: list[object] = [None, 3, {}, {"infrastructor::notification": 3}, {"infrastructor::notification": {}}]
    for extras in others:
        assert sent_in({"id": 1, "extras": extras}) is None
    broken = {"request_id": "x", "request_ids": [3, None], "alert_ids": "y"}
    assert sent_in({"id": 1, "extras": {"infrastructor::notification": broken}}) is None
    assert sent_in("no message") is None
