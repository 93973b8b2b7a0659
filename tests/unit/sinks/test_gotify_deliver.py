"""Delivering requests, on a Gotify in memory."""

from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from runtime.clock import SystemClock
from runtime.errors import SettingsInvalid
from runtime.health import Readiness
from runtime.log import get_logger
from runtime.metrics import KafkaMetrics
from runtime.process import Stop
from runtime.settings import World, load
from sinks.gotify.receiver import DESK, GotifyReceiver
from sinks.gotify.settings import GotifySettings
from sinks.surroundings import Surroundings
from sinks.telling.deliver import Abandoned, Deliverer
from sinks.telling.metrics import TellingMetrics
from sinks.telling.pace import Bucket, Digesting, next_wait, together
from sinks.telling.port import Away, Misconfigured, Refused
from tests.contract.gotify_fakes import FakeGotify
from tests.contract.receivers import requested

SETTINGS = GotifySettings(url="http://gotify", token=SecretStr("A"), client_token=SecretStr("C"), retry_first_s=0.01)
REPLACING = SETTINGS.model_copy(update={"replace_resolved": True})


def deliverer(server: FakeGotify | None, settings: GotifySettings = SETTINGS) -> Deliverer:
    registry = CollectorRegistry()
    around = Surroundings(SystemClock(), Stop(), get_logger("test"), Readiness(), KafkaMetrics.on(registry))
    receiver = None if server is None else GotifyReceiver(server, settings, around.log)
    return Deliverer(DESK, receiver, settings, around, TellingMetrics.on(registry, "gotify"))


def always() -> bool:
    return True


async def test_delivers_and_tells_so() -> None:
    server, request = FakeGotify(), requested()
    (delivery,) = await deliverer(server).deliver([request], look_first=False, ours=always)
    assert delivery.outcome.type == "infrastructor.notification.delivered.v1"
    assert delivery.outcome.data.model_dump() == {
        "request_id": request.id,
        "receiver": "gotify",
        "attempts": 1,
        "message_id": "1",
        "already_there": False,
    }
    assert (delivery.outcome.causationid, delivery.outcome.sequence) == (request.id, None)
    assert server.looked == 0


async def test_tries_again_what_can_succeed_later() -> None:
    server = FakeGotify()
    server.failures.extend([Away("503"), Misconfigured("401"), Away("429", retry_after_s=0.02)])
    (delivery,) = await deliverer(server).deliver([requested()], look_first=False, ours=always)
    assert (delivery.attempts, len(server.messages), server.looked) == (4, 1, 0)


async def test_a_lost_answer_is_looked_for_before_the_next_attempt() -> None:
    server = FakeGotify()
    server.lost_answers.append(Away("no answer", maybe_taken=True))
    (delivery,) = await deliverer(server).deliver([requested()], look_first=False, ours=always)
    assert len(server.messages) == 1
    assert delivery.outcome.data.model_dump()["already_there"] is True


async def test_without_a_client_token_it_is_sent_again() -> None:
    server = FakeGotify(may_look=False)
    server.lost_answers.append(Away("no answer", maybe_taken=True))
    await deliverer(server).deliver([requested()], look_first=False, ours=always)
    assert len(server.messages) == 2


async def test_a_refusal_is_a_failure_with_a_dead_letter() -> None:
    server = FakeGotify()
    server.failures.append(Refused(400, "no"))
    request = requested()
    (delivery,) = await deliverer(server).deliver([request], look_first=False, ours=always)
    assert delivery.outcome.type == "infrastructor.notification.failed.v1"
    assert (delivery.letter, delivery.message) == ("http_400", "HTTP 400: no")
    # Redriven, it has another outcome, and that is another event.
    (again,) = await deliverer(server).deliver([request], look_first=False, ours=always)
    assert again.outcome.id != delivery.outcome.id


async def test_gives_up_after_a_time() -> None:
    server = FakeGotify()
    server.failures.extend(Away("503") for _ in range(1000))
    settings = SETTINGS.model_copy(update={"give_up_after_s": 0.1})
    (delivery,) = await deliverer(server, settings).deliver([requested()], look_first=False, ours=always)
    assert delivery.letter == "gave_up"
    assert "503" in delivery.message


async def test_what_is_not_ours_any_more_is_not_sent() -> None:
    server = FakeGotify()
    with pytest.raises(Abandoned):
        await deliverer(server).deliver([requested()], look_first=False, ours=lambda: False)
    assert server.messages == []


async def test_a_stop_ends_the_wait() -> None:
    server = FakeGotify()
    server.failures.append(Away("503"))
    made = deliverer(server, SETTINGS.model_copy(update={"retry_first_s": 60.0}))
    made.around.stop.ask("now")
    with pytest.raises(Abandoned):
        await made.deliver([requested()], look_first=False, ours=always)


async def test_without_a_server_it_is_suppressed_with_the_reason() -> None:
    request = requested()
    (delivery,) = await deliverer(None).deliver([request], look_first=True, ours=always)
    data = delivery.outcome.data.model_dump()
    assert (data["reason"], data["request_id"], data["receiver"]) == ("not_configured", request.id, "gotify")


async def test_several_are_one_message_with_an_outcome_each() -> None:
    server, requests = FakeGotify(), [requested() for _ in range(3)]
    deliveries = await deliverer(server).deliver(requests, look_first=False, ours=always)
    assert [delivery.outcome.data.request_id for delivery in deliveries] == [request.id for request in requests]
    assert {delivery.outcome.data.model_dump()["message_id"] for delivery in deliveries} == {"1"}
    assert len({delivery.outcome.id for delivery in deliveries}) == 3
    assert len(server.messages) == 1


async def test_of_several_only_those_are_sent_that_are_not_there() -> None:
    server, requests = FakeGotify(), [requested() for _ in range(3)]
    made = deliverer(server)
    await made.deliver(requests[:1], look_first=False, ours=always)
    deliveries = await made.deliver(requests, look_first=True, ours=always)
    found = [delivery.outcome.data.model_dump() for delivery in deliveries]
    assert [(one["message_id"], one["already_there"]) for one in found] == [("1", True), ("2", False), ("2", False)]
    # All of a digest are found by its extras.
    again = await made.deliver(requests, look_first=True, ours=always)
    assert [one.outcome.data.model_dump()["message_id"] for one in again] == ["1", "2", "2"]
    assert len(server.messages) == 2


async def test_what_is_over_takes_the_place_of_what_was_raised() -> None:
    server, alerts = FakeGotify(), tuple(UUID(int=number) for number in (1, 2, 3))
    made = deliverer(server, REPLACING)

    async def tell(kind: str, *numbers: int) -> None:
        request = requested(kind=kind, alert_ids=tuple(alerts[number] for number in numbers))
        await made.deliver([request], look_first=False, ours=always)

    await tell("raised", 0, 1)
    await tell("raised", 2)
    await tell("reminder", 0, 1)
    await tell("resolved", 0)
    assert list(server.by_id) == ["1", "2", "3", "4"]  # alert 1 still holds
    await tell("resolved", 1)
    assert list(server.by_id) == ["2", "4", "5"]
    await tell("resolved", 2)
    assert list(server.by_id) == ["4", "5", "6"]


async def test_a_crash_between_deleting_and_sending_loses_and_repeats_nothing() -> None:
    server, over = FakeGotify(), requested(kind="resolved")
    await deliverer(server, REPLACING).deliver([requested()], look_first=False, ours=always)
    first = deliverer(server, REPLACING)
    server.failures.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        await first.deliver([over], look_first=False, ours=always)
    assert server.messages == []
    for _ in range(2):
        await deliverer(server, REPLACING).deliver([over], look_first=True, ours=always)
    assert list(server.by_id) == ["2"]


async def test_what_cannot_be_deleted_stays_and_what_is_over_is_told() -> None:
    server = FakeGotify()
    made = deliverer(server, REPLACING)
    await made.deliver([requested()], look_first=False, ours=always)
    server.not_deleted.append(Misconfigured("401"))
    await made.deliver([requested(kind="resolved")], look_first=False, ours=always)
    assert len(server.messages) == 2


async def test_a_refused_digest_is_nobodys_failure_yet() -> None:
    server = FakeGotify()
    server.failures.append(Refused(413, "too long"))
    with pytest.raises(Refused):
        await deliverer(server).deliver([requested(), requested()], look_first=False, ours=always)


@pytest.mark.parametrize(
    ("waited_s", "count"),
    [
        ([], 0),
        ([1.0], 1),
        ([999.0], 1),
        ([1.0] * 5, 1),
        ([1.0] * 6, 6),
        ([700.0, 650.0, 3.0], 2),
        ([700.0, 3.0], 1),
        ([1.0] * 900, 500),
    ],
)
def test_what_waits_is_told_together_when_it_is_much_or_old(waited_s: list[float], count: int) -> None:
    assert together(waited_s, Digesting(over=5, after_s=600)) == count
    assert together(waited_s, None) == min(count, 1)


def test_the_bucket_lets_a_burst_through_and_then_keeps_the_rate() -> None:
    bucket, waits = Bucket(rate=2.0, burst=3, level=3.0, at=100.0), []
    for _ in range(5):
        bucket, wait_s = bucket.taken(100.0)
        waits.append(wait_s)
    assert waits == [0.0, 0.0, 0.0, 0.5, 1.0]
    assert bucket.taken(110.0)[1] == 0.0


@pytest.mark.parametrize(
    ("attempt", "tried_for_s", "retry_after_s", "expected"),
    [(1, 0.0, None, 1.0), (4, 0.0, None, 8.0), (20, 0.0, None, 60.0), (1, 0.0, 30.0, 30.0), (1, 99.5, None, None)],
)
def test_when_to_try_again(
    attempt: int, tried_for_s: float, retry_after_s: float | None, expected: float | None
) -> None:
    waited = next_wait(
        attempt, first_s=1, give_up_after_s=100, tried_for_s=tried_for_s, retry_after_s=retry_after_s, chance=0.5
    )
    assert waited == expected


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"INFRASTRUCTOR_GOTIFY__URL": "http://gotify"}, "INFRASTRUCTOR_GOTIFY__TOKEN"),
        ({"INFRASTRUCTOR_GOTIFY__TOKEN": "A"}, "INFRASTRUCTOR_GOTIFY__URL"),
        ({"INFRASTRUCTOR_GOTIFY__URL": "gotify:80", "INFRASTRUCTOR_GOTIFY__TOKEN": "A"}, "INFRASTRUCTOR_GOTIFY__URL"),
        ({"INFRASTRUCTOR_GOTIFY__REPLACE_RESOLVED": "true"}, "INFRASTRUCTOR_GOTIFY__CLIENT_TOKEN"),
        ({"INFRASTRUCTOR_GOTIFY__DASHBOARD_URL": "grafana/{device}"}, "INFRASTRUCTOR_GOTIFY__DASHBOARD_URL"),
        ({"INFRASTRUCTOR_GOTIFY__DASHBOARD_URL": "https://g/{device.x}"}, "INFRASTRUCTOR_GOTIFY__DASHBOARD_URL"),
        ({"INFRASTRUCTOR_GOTIFY__DASHBOARD_URL": "https://g/{0}"}, "INFRASTRUCTOR_GOTIFY__DASHBOARD_URL"),
        ({"INFRASTRUCTOR_GOTIFY__DASHBOARD_URL": "https://g/{dev"}, "INFRASTRUCTOR_GOTIFY__DASHBOARD_URL"),
    ],
)
def test_a_half_configured_server_names_the_variable(variables: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsInvalid, match=named):
        load(GotifySettings, World((("environment", variables),)))
