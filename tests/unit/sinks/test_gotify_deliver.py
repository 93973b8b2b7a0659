"""Delivering one request, on a server in memory."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

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
from schemas.notification import NotificationRequested, NotificationRequestedData
from sinks.gotify.deliver import Abandoned, Deliverer
from sinks.gotify.message import message_of
from sinks.gotify.metrics import GotifyMetrics
from sinks.gotify.pace import Bucket, next_wait
from sinks.gotify.port import Away, Misconfigured, Refused
from sinks.settings import GotifySettings
from sinks.surroundings import Surroundings
from tests.contract.gotify_fakes import FakeGotify

SETTINGS = GotifySettings(url="http://gotify", token=SecretStr("A"), retry_first_s=0.01)


def requested(**data: Any) -> NotificationRequested:
    facts: dict[str, Any] = {
        "receiver": "gotify",
        "kind": "raised",
        "alert_ids": (UUID(int=7),),
        "rule": "disk_full",
        "severity": "critical",
        "title": "web-1: disk full",
        "body": "**98%** used",
    }
    return NotificationRequested(
        id=uuid4(),
        source="/streams/notifications",
        subject="web-1",
        time=datetime(2026, 11, 1, tzinfo=UTC),
        sequence=1,
        data=NotificationRequestedData(**(facts | data)),
    )


def deliverer(server: FakeGotify | None, settings: GotifySettings = SETTINGS) -> Deliverer:
    registry = CollectorRegistry()
    around = Surroundings(SystemClock(), Stop(), get_logger("test"), Readiness(), KafkaMetrics.on(registry))
    return Deliverer(server, settings, around, GotifyMetrics.on(registry))


def always() -> bool:
    return True


async def test_delivers_and_tells_so() -> None:
    server, request = FakeGotify(), requested()
    delivery = await deliverer(server).deliver(request, look_first=False, ours=always)
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
    delivery = await deliverer(server).deliver(requested(), look_first=False, ours=always)
    assert (delivery.attempts, len(server.messages), server.looked) == (4, 1, 0)


async def test_a_lost_answer_is_looked_for_before_the_next_attempt() -> None:
    server = FakeGotify()
    server.lost_answers.append(Away("no answer", maybe_taken=True))
    delivery = await deliverer(server).deliver(requested(), look_first=False, ours=always)
    assert len(server.messages) == 1
    assert delivery.outcome.data.model_dump()["already_there"] is True


async def test_without_a_client_token_it_is_sent_again() -> None:
    server = FakeGotify(may_look=False)
    server.lost_answers.append(Away("no answer", maybe_taken=True))
    await deliverer(server).deliver(requested(), look_first=False, ours=always)
    assert len(server.messages) == 2


async def test_a_refusal_is_a_failure_with_a_dead_letter() -> None:
    server = FakeGotify()
    server.failures.append(Refused(400, "no"))
    request = requested()
    delivery = await deliverer(server).deliver(request, look_first=False, ours=always)
    assert delivery.outcome.type == "infrastructor.notification.failed.v1"
    assert (delivery.letter, delivery.message) == ("http_400", "HTTP 400: no")
    # Redriven, it has another outcome, and that is another event.
    again = await deliverer(server).deliver(request, look_first=False, ours=always)
    assert again.outcome.id != delivery.outcome.id


async def test_gives_up_after_a_time() -> None:
    server = FakeGotify()
    server.failures.extend(Away("503") for _ in range(1000))
    settings = SETTINGS.model_copy(update={"give_up_after_s": 0.1})
    delivery = await deliverer(server, settings).deliver(requested(), look_first=False, ours=always)
    assert delivery.letter == "gave_up"
    assert "503" in delivery.message


async def test_what_is_not_ours_any_more_is_not_sent() -> None:
    server = FakeGotify()
    with pytest.raises(Abandoned):
        await deliverer(server).deliver(requested(), look_first=False, ours=lambda: False)
    assert server.messages == []


async def test_a_stop_ends_the_wait() -> None:
    server = FakeGotify()
    server.failures.append(Away("503"))
    made = deliverer(server, SETTINGS.model_copy(update={"retry_first_s": 60.0}))
    made.around.stop.ask("now")
    with pytest.raises(Abandoned):
        await made.deliver(requested(), look_first=False, ours=always)


async def test_without_a_server_it_is_suppressed_with_the_reason() -> None:
    request = requested()
    delivery = await deliverer(None).deliver(request, look_first=True, ours=always)
    data = delivery.outcome.data.model_dump()
    assert (data["reason"], data["request_id"], data["receiver"]) == ("not_configured", request.id, "gotify")


def test_the_message_carries_priority_markdown_and_ids() -> None:
    request = requested(runbook="https://runbooks.example/disk")
    message = message_of(request, SETTINGS)
    assert (message.priority, message.title) == (8, "web-1: disk full")
    assert message.message == "**98%** used\n\nRunbook: https://runbooks.example/disk"
    assert message.extras == {
        "client::display": {"contentType": "text/markdown"},
        "client::notification": {"click": {"url": "https://runbooks.example/disk"}},
        "infrastructor::notification": {
            "request_id": str(request.id),
            "alert_ids": [str(UUID(int=7))],
            "device": "web-1",
            "kind": "raised",
            "severity": "critical",
            "rule": "disk_full",
        },
    }
    assert message_of(requested(kind="resolved"), SETTINGS).priority == 2
    assert message_of(requested(severity="warning"), SETTINGS).priority == 5
    assert message_of(requested(body=" "), SETTINGS).message == "web-1: disk full"


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
    settings = GotifySettings(give_up_after_s=100)
    waited = next_wait(attempt, settings, tried_for_s=tried_for_s, retry_after_s=retry_after_s, chance=0.5)
    assert waited == expected


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"INFRASTRUCTOR_GOTIFY__URL": "http://gotify"}, "INFRASTRUCTOR_GOTIFY__TOKEN"),
        ({"INFRASTRUCTOR_GOTIFY__TOKEN": "A"}, "INFRASTRUCTOR_GOTIFY__URL"),
        ({"INFRASTRUCTOR_GOTIFY__URL": "gotify:80", "INFRASTRUCTOR_GOTIFY__TOKEN": "A"}, "INFRASTRUCTOR_GOTIFY__URL"),
    ],
)
def test_a_half_configured_server_names_the_variable(variables: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsInvalid, match=named):
        load(GotifySettings, World((("environment", variables),)))
