"""The board that is folded from the log, and why somebody was told of an alert or was not."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import get_args
from uuid import UUID

import pytest

from cli.operators import said
from cli.operators.alerts_shown import document, lines, row, states
from cli.operators.board import Alert, Board, in_order
from cli.operators.explaining import Progress, entries_of, known_alert, verdict
from cli.operators.history import History
from cli.operators.ids import short_ids
from cli.operators.matching import concerns
from cli.operators.recurring import longest_wait, planned
from cli.operators.speaker import Speaker
from schemas.envelope import Envelope
from schemas.notification import SuppressedBecause
from schemas.registry import ALERTS, NOTIFICATIONS
from streams.notifications.policy import NotificationPolicy
from streams.notifications.state import Held
from tests.unit.cli.said_of_alerts import START, Said, records

ADA = Speaker("ada", START)
MINUTE = timedelta(minutes=1)


def board(*events: Envelope) -> Board:
    found = Board()
    for record in records(ALERTS, events):
        found.fold(record)
    return found


def history(alert: UUID, alerts: Iterable[Envelope], notifications: Iterable[Envelope] = ()) -> History:
    found = History(alert)
    for record in [*records(ALERTS, alerts), *records(NOTIFICATIONS, notifications)]:
        found.take(record)
    return found


def of(found: History) -> Alert:
    alert = known_alert(found, None)
    assert alert is not None
    return alert


def explained(found: History) -> list[str]:
    return [f"{one.at:%M} {one.what}: {one.text}" for one in entries_of(found, of(found))]


def test_the_board_is_what_the_events_say() -> None:
    say = Said()
    full, load = say.raised(), say.raised("web", "load_high", severity="critical")
    events = [full, load, said.acknowledged(ADA, full.id, "nas", comment="mine")]
    found = board(*events)
    assert [one.rule for one in found.firing()] == ["load_high", "disk_full"]
    remark = found.alerts[full.id].acknowledged
    assert remark is not None
    assert (remark.operator, remark.comment, found.alerts[full.id].offset) == ("ada", "mine", 0)
    say.at += MINUTE
    found = board(*events, said.unacknowledged(ADA, full.id, "nas", comment=None), say.resolved(load))
    assert found.alerts[full.id].acknowledged is None
    assert [one.rule for one in found.firing()] == ["disk_full"]
    assert found.alerts[load.id].resolved_because == "cleared"
    assert [one.rule for one in in_order(found.alerts.values())] == ["disk_full", "load_high"]


def test_folding_again_what_was_folded_changes_nothing() -> None:
    say = Said()
    full = say.raised()
    silence = said.silenced(ADA, None, {"rule": "disk_full"}, ends_at=START + MINUTE, comment=None)
    events = [full, silence, said.acknowledged(ADA, full.id, "nas", comment=None), say.resolved(full)]
    events.append(said.unsilenced(ADA, silence.id, "_fleet", comment=None))
    once, again = board(*events), board(*events)
    for record in records(ALERTS, events[1:], first=1):
        again.fold(record)
    assert (once.alerts, once.silences) == (again.alerts, again.silences) == (once.alerts, {})


def test_the_end_of_an_alert_whose_begin_is_no_longer_in_the_log_is_shown() -> None:
    say = Said()
    full = say.raised()
    say.at += MINUTE
    found = board(say.resolved(full)).alerts[full.id]
    assert (found.rule, found.raised_at, found.resolved_at) == ("disk_full", START, START + MINUTE)


@pytest.mark.parametrize(
    ("subject", "matchers", "groups", "expected"),
    [
        ("_fleet", {}, (), True),
        ("nas", {"rule": "disk_.*", "severity": "warning|info", "mountpoint": "/s.*"}, (), True),
        ("web", {}, (), False),
        ("_fleet", {"device": "nas"}, ("lab",), False),
        ("_fleet", {"group": "stor.*"}, ("lab", "storage"), True),
        ("_fleet", {"rule": "disk"}, (), False),
        ("_fleet", {"absent": ""}, (), True),
        ("_fleet", {"rule": "("}, (), False),
        ("_fleet", {"device": "(?!db).*"}, (), False),
    ],
)
def test_a_silence_means_what_the_derivation_says(
    subject: str, matchers: dict[str, str], groups: tuple[str, ...], expected: bool
) -> None:
    full = Said().raised()
    assert concerns(board(full).alerts[full.id], subject, matchers, groups=groups) is expected


def test_a_row_says_who_has_it_and_what_holds_it_back() -> None:
    full = Said().raised(description="Too\nfull.", runbook="docs/runbooks.md#disk")
    silence = said.silenced(ADA, "nas", {}, ends_at=START + 5 * MINUTE, comment=None)
    kept = said.maintenance_started(ADA, None, starts_at=START, ends_at=None, groups=["storage"])
    found = board(full, said.acknowledged(ADA, full.id, "nas", comment=None), silence, kept)
    alert, now = found.alerts[full.id], START + MINUTE
    policy = NotificationPolicy.model_validate(
        {"maintenance": [{"name": "nightly", "weekdays": ["sat"], "start": "12:00", "duration": "1h"}]}
    )
    windows = planned(policy, now)
    assert windows[0].when == "sat 12:00 UTC for 1h"
    assert states(alert, found, windows, now=now) == [
        *("acknowledged by ada", "silenced by ada", "maintenance by ada", "maintenance nightly"),
    ]
    shown = row(alert, found, windows, short=short_ids(found.alerts), now=now)
    assert shown[:4] == [str(full.id)[:8], "warning", "nas", "6m ago"]
    plain = document(alert, found, windows, now=now)
    assert plain["silences"] == [str(silence.id)]
    assert plain["maintenance"] == [str(kept.id), "nightly"]
    text = "\n".join(lines(alert, found, windows, now=now))
    assert "value       0.95, threshold 0.9" in text
    assert "description Too full." in text
    assert states(alert, found, planned(policy, now + timedelta(days=1)), now=now + timedelta(days=1)) == [
        *("acknowledged by ada", "maintenance by ada"),
    ]


def test_a_row_says_what_the_worker_holds_it_back_for() -> None:
    say = Said()
    full, down = say.raised(), say.raised("switch", "device_offline")
    found = board(full, down)
    held = (
        *(Held("dependency", str(down.id)), Held("inhibited", str(down.id)), Held("silenced", "over by now")),
        *(Held("quiet_hours", "night"), Held("quiet_hours", "night"), Held("dependency", str(full.id)[::-1])),
    )
    alert = replace(found.alerts[full.id], held=held)
    assert states(alert, found, (), now=START) == [
        *("hangs on switch", "inhibited by device_offline", "quiet hours", "hangs on what is down")
    ]
    assert states(found.alerts[full.id], found, (), now=START) == ["firing"]


def test_every_decision_is_told_in_order_of_time() -> None:
    say = Said()
    full = say.raised()
    say.at += MINUTE
    first, second = say.requested(full), say.requested(full, "webhook")
    say.at += MINUTE
    outcomes = [say.delivered(first, attempts=2), say.failed(second)]
    say.at += MINUTE
    held = say.suppressed(full, "quiet_hours", "warning is quiet from 22:00 to 07:00", receiver="gotify")
    by = Speaker("ada", say.at + MINUTE)
    silence = said.silenced(by, "nas", {"rule": "disk_full"}, ends_at=START + timedelta(hours=1), comment="moving")
    elsewhere = said.silenced(by, "web", {}, ends_at=START + timedelta(hours=1), comment=None)
    ended = said.unsilenced(Speaker("bob", say.at + 2 * MINUTE), silence.id, "nas", comment=None)
    say.at += 3 * MINUTE
    found = history(
        full.id, [full, silence, elsewhere, ended, say.resolved(full)], [first, second, *outcomes, *outcomes, held]
    )
    assert explained(found) == [
        "00 raised: raised by rule disk_full (revision 3), warning: /srv is 95% full; value 0.95, threshold 0.9; "
        "it began 2026-11-21 11:55:00 UTC",
        "01 requested: gotify is to be told that it was raised: [warning] /srv is 95% full",
        "01 requested: webhook is to be told that it was raised: [warning] /srv is 95% full",
        "02 delivered: gotify has it as message 17 after 2 attempts",
        "02 failed: webhook did not take it after 3 attempts: the token is wrong (refused)",
        "03 suppressed: gotify is not told, quiet_hours: warning is quiet from 22:00 to 07:00",
        '04 silenced: ada silenced nas: rule=disk_full until 2026-11-21 13:00:00 UTC ("moving")',
        f"05 unsilenced: bob ended silence {silence.id}",
        "06 resolved: resolved: the condition no longer holds",
    ]
    assert (of(found).told, of(found).resolved_because) == (("gotify", "webhook"), "cleared")
    assert entries_of(found, of(found))[0].more == (f"evidence: infra.metrics/3@42, event {UUID(int=7)}",)
    assert verdict(found, of(found), Progress(9, 10)) == [
        "gotify was told",
        "webhook could not be told",
        "gotify was not told again: these are quiet hours for its severity",
    ]


def test_the_answer_says_when_somebody_was_not_told() -> None:
    say = Said()
    full = say.raised()
    say.at += MINUTE
    first = say.suppressed(full, "inhibited", "because", receiver="gotify")
    say.at += MINUTE
    told = say.requested(full)
    say.at += MINUTE
    again = [say.suppressed(full, "silenced", "because", receiver="gotify") for _ in range(2)]
    say.at += MINUTE
    over, end = say.resolved(full), say.suppressed(full, "maintenance", "because", receiver="gotify")
    found = history(full.id, [full, over], [first, told, *again, end])
    assert verdict(found, of(found), Progress(9, 10))[1:] == [
        "gotify was not told at first: another alert says it already",
        "gotify was not told again: an operator silenced it",
        "gotify was not told of the end: there is maintenance",
    ]


def test_silences_and_maintenance_that_did_not_meet_the_alert_are_left_out() -> None:
    say = Said(START + timedelta(hours=2))
    full, first, late = say.raised(), Speaker("ada", START), Speaker("ada", say.at + 9 * MINUTE)
    over = said.silenced(first, "nas", {}, ends_at=say.at - MINUTE, comment=None)
    ended = said.silenced(first, None, {"rule": "disk.*"}, ends_at=say.at + MINUTE, comment=None)
    end = said.unsilenced(Speaker("bob", START + MINUTE), ended.id, "_fleet", comment=None)
    begun = said.maintenance_started(first, None, starts_at=START, ends_at=None, groups=["storage"])
    say.at += MINUTE
    later = said.maintenance_started(late, "nas", starts_at=late.at, ends_at=None, groups=[])
    planned_ = said.maintenance_started(first, "nas", starts_at=say.at + MINUTE, ends_at=None, groups=[])
    called_off = said.maintenance_ended(Speaker("bob", say.at), planned_.id, "nas", comment=None)
    say.at += 2 * MINUTE
    resolved = say.resolved(full)
    found = history(full.id, [over, ended, end, begun, planned_, full, called_off, resolved, later])
    assert explained(found)[0] == (
        "00 maintenance_started: ada put group storage in maintenance from 2026-11-21 12:00:00 UTC until it is ended"
    )
    assert [one.what for one in entries_of(found, of(found))] == ["maintenance_started", "raised", "resolved"]


def test_what_others_were_told_is_not_told_here() -> None:
    say = Said()
    full, other = say.raised(), say.raised("web")
    request = say.requested(other)
    found = history(full.id, [full, other, say.resolved(other)], [request, say.delivered(request)])
    assert [one.what for one in entries_of(found, of(found))] == ["raised"]


def test_a_message_of_several_and_a_sink_that_is_not_set_up() -> None:
    say = Said()
    full, other = say.raised(), say.raised("web")
    request = say.requested(full, alert_ids=(full.id, other.id), kind="digest")
    refused = say.suppressed(full, "not_configured", "set INFRASTRUCTOR_GOTIFY__URL", request_id=request.id)
    found = history(full.id, [full], [request, refused])
    assert "together with 1 other alert" in explained(found)[1]
    assert explained(found)[2].split(" ", 1)[1].startswith("not_sent: nobody is told, not_configured: set INFRA")
    assert verdict(found, of(found), Progress(9, 10)) == ["gotify is not set up: one message not sent"]
    waiting = history(full.id, [full], [request])
    assert "its sink has not said yet" in verdict(waiting, of(waiting), Progress(9, 10))[0]


@pytest.mark.parametrize("reason", get_args(SuppressedBecause))
def test_every_reason_has_its_words(reason: SuppressedBecause) -> None:
    say = Said()
    full = say.raised()
    found = history(full.id, [full], [say.suppressed(full, reason, "because")])
    (answer,) = verdict(found, of(found), Progress(9, 10))
    assert answer.startswith("nobody was told: ")


@pytest.mark.parametrize(
    ("applied", "expected"),
    [
        (-1, "no streams worker has stored a state"),
        (3, "the alert is at 4; it stands at offset 3 of infra.alerts, 6 records behind the end"),
        (9, "it waits for others of its group (group_wait, up to 30 s); it stands at offset 9"),
    ],
)
def test_without_a_decision_it_says_what_is_waited_for(applied: int, expected: str) -> None:
    full = Said().raised()
    found = History(full.id)
    for record in records(ALERTS, [full], first=4):
        found.take(record)
    far = Progress(applied, 10, longest_wait(NotificationPolicy()))
    assert expected in verdict(found, of(found), far)[0]
