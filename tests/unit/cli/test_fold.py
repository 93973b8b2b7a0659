"""The view's model: a fold over records, and the counts of a run."""

from uuid import uuid4

from cli.up.board import Board
from cli.up.fold import fold, fold_dead_letter, note
from cli.up.model import View
from cli.up.tally import UNREADABLE
from runtime.kafka.dead_letters import DeadLetter, to_record
from schemas.clock import ClockTicked, ClockTickedData
from schemas.metric import Sample
from schemas.record import RawRecord
from tests.unit.cli.events_shown import (
    at,
    completed,
    failed,
    look,
    metrics,
    ms,
    raised,
    raw,
    record,
    requested,
    resolved,
    status,
    suppressed,
)


def tick() -> ClockTicked:
    return ClockTicked(
        id=uuid4(), source="/streams/clock", subject="_partition-3", time=at(0), data=ClockTickedData(period_seconds=5)
    )


def texts(view: View) -> list[str]:
    return [entry.text for entry in view.notes]


def test_a_status_is_shown_with_its_reason_and_noted() -> None:
    view = fold(View(), record(status("box", "online", seconds=3), seconds=3))
    device = view.devices["box"]
    assert (device.status, device.reason, device.summary, device.since) == ("online", "why", "it is online", at(3))
    assert texts(view) == ["box is online (was unknown): it is online"]


def test_a_look_is_a_sign_of_life() -> None:
    view = fold(View(), record(look([("system.cpu.utilization", {"cpu.mode": "idle"}, 0.75)]), seconds=7))
    assert view.devices["box"].seen_ms == ms(7)
    assert view.host is not None
    assert view.host.cpu == 0.25


def test_an_alert_is_shown_until_it_is_resolved() -> None:
    alert = raised()
    view = fold(View(), record(alert))
    assert [shown.rule for shown in view.alerts.values()] == ["cpu_high"]
    view = fold(view, record(resolved(alert)))
    assert not view.alerts
    assert texts(view) == ["alert raised (warning): box: cpu at 93%", "alert resolved (cleared): box: cpu is fine"]


def test_a_summary_that_begins_with_its_device_names_it_once() -> None:
    alert = raised()
    named = alert.model_copy(update={"data": alert.data.model_copy(update={"summary": "box: cpu at 93%"})})
    assert texts(fold(View(), record(named))) == ["alert raised (warning): box: cpu at 93%"]


def test_a_device_that_does_not_answer_is_noted_once_for_all_its_collectors_until_it_does() -> None:
    away = [record(failed(name, "no route", "unreachable")) for name in ("system", "drives", "system")]
    view = View()
    for one in away:
        view = fold(view, one)
    assert texts(view) == ["box cannot be reached: no route"]
    view = fold(fold(view, record(completed("drives"))), away[0])
    assert texts(view) == ["box cannot be reached: no route"] * 2


def test_a_look_that_fails_is_noted_when_the_reason_is_another_or_it_went_well_between() -> None:
    view = View()
    for one in (failed("drives", "a"), failed("zfs", "a"), failed("drives", "a"), failed("drives", "b")):
        view = fold(view, record(one))
    view = fold(fold(view, record(completed("zfs"))), record(failed("drives", "b")))
    assert texts(view) == ["box: drives failed: a", "box: zfs failed: a", "box: drives failed: b"]
    view = fold(fold(view, record(completed("drives"))), record(failed("drives", "b")))
    assert texts(view)[-1] == "box: drives failed: b"
    assert len(texts(view)) == 4


def test_a_suppressed_notification_says_why() -> None:
    request = requested(raised())
    view = fold(fold(View(), record(request)), record(suppressed(request)))
    (entry,) = view.notifications.values()
    assert (entry.title, entry.outcome, entry.detail) == ("cpu high", "suppressed", "not_configured")


def test_an_outcome_that_is_read_before_its_request_is_kept() -> None:
    request = requested(raised())
    view = fold(fold(View(), record(suppressed(request))), record(request))
    (entry,) = view.notifications.values()
    assert (entry.title, entry.outcome) == ("cpu high", "suppressed")


def test_ticks_are_no_events_to_people() -> None:
    assert fold(View(), record(tick())) == View()


def test_what_is_from_before_is_shown_but_neither_counted_nor_noted() -> None:
    view = fold(View(), record(status("box", "online")), fresh=False)
    assert view.devices["box"].status == "online"
    assert (view.events, view.notes, view.by_second) == (0, (), {})


def test_the_rate_is_over_the_last_ten_whole_seconds() -> None:
    view = View()
    for second in range(30):
        for _ in range(4):
            view = fold(view, record(look([("a", {}, 1.0)], seconds=second), seconds=second))
    assert view.rate(ms(30)) == 4.0
    assert view.rate(ms(35)) == 2.0
    assert view.rate(ms(60)) == 0.0
    assert view.events == 120
    assert len(view.by_second) <= 21, "old seconds are forgotten"


def test_notes_are_numbered_on_and_bounded() -> None:
    view = View()
    for number in range(500):
        view = note(view, str(number))
    assert len(view.notes) == 200
    assert view.notes[-1].number == 500


def letter(offset: int = 9) -> DeadLetter:
    origin = RawRecord("infra.metrics", 2, offset, ms(0), b"box", b"{")
    return DeadLetter("timescale", origin, "not_json", "unexpected end", ms(1))


def as_raw(dead: DeadLetter) -> RawRecord:
    sent = to_record(dead)
    return RawRecord(sent.topic, 0, 0, ms(1), sent.key, sent.value, sent.headers)


def test_a_dead_letter_says_where_it_came_from() -> None:
    view = fold_dead_letter(View(), letter())
    assert view.dead_letters == 1
    assert texts(view) == ["dead letter: timescale could not process infra.metrics/2@9: not_json"]


def test_the_board_counts_what_is_of_this_run_only() -> None:
    first: list[int] = []
    board = Board(first_event=lambda: first.append(1))
    request = requested(raised())
    sample = Sample(name="system.uptime", value=1.0, unit="s")
    board.take(raw(metrics(sample), "infra.metrics"), fresh=False)
    assert not first
    board.take(raw(tick(), "infra.metrics"), fresh=True)
    assert not first, "a tick is no event to wait for"
    board.take(raw(metrics(sample), "infra.metrics"), fresh=True)
    board.take(raw(request, "infra.notifications"), fresh=True)
    board.take(raw(suppressed(request), "infra.notifications"), fresh=True)
    assert first == [1]
    assert board.tally.published == {"infrastructor.metric.collected.v1": 1}
    assert board.tally.derived == {
        "infrastructor.clock.ticked.v1": 1,
        "infrastructor.notification.requested.v1": 1,
        "infrastructor.notification.suppressed.v1": 1,
    }
    assert board.tally.outcomes == {"requested": 1, "suppressed": 1}
    assert board.tally.suppressed == {"not_configured": 1}


def test_a_dead_letter_that_was_sent_twice_counts_once() -> None:
    board = Board(first_event=lambda: None)
    for _ in range(2):
        board.take(as_raw(letter()), fresh=True)
    board.take(as_raw(letter(offset=10)), fresh=True)
    board.take(as_raw(letter(offset=11)), fresh=False)
    assert (board.tally.dead_letters, board.view.dead_letters) == (2, 2)


def test_bytes_that_are_no_event_are_counted_and_harm_nobody() -> None:
    board = Board(first_event=lambda: None)
    board.take(RawRecord("infra.metrics", 0, 0, ms(0), b"box", b"\xff{"), fresh=True)
    assert board.tally.published == {UNREADABLE: 1}
    assert board.view == View()
