"""The webhook: what is posted, how it is signed, and how a receiver checks it by the documentation."""

import hmac
import time
from uuid import UUID

import orjson
import pytest
from pydantic import SecretStr

from runtime.clock import SystemClock
from runtime.errors import SettingsInvalid
from runtime.settings import World, load
from schemas.codec import decode
from sinks.telling.port import Desk, Misconfigured
from sinks.telling.waiting import request_for
from sinks.webhook.receiver import CONTENT_TYPE, WebhookReceiver
from sinks.webhook.settings import WebhookSettings
from sinks.webhook.signature import signature
from tests.contract.receivers import requested, webhook_settings
from tests.contract.webhook_server import SECRET, snippet, webhook_server

OTHER = "fedcba9876543210-second"


def test_a_signature_is_over_time_and_body() -> None:
    mac = hmac.new(b"secret", b'1763703600.{"a":1}', "sha256").hexdigest()
    assert signature(b'{"a":1}', secrets=["secret"], unix_s=1763703600) == f"t=1763703600,v1={mac}"


def test_the_documented_check_takes_ours_and_nothing_else() -> None:
    is_ours, now, body = snippet(), int(time.time()), b'{"id":"x"}'
    good = signature(body, secrets=[SECRET], unix_s=now)
    assert is_ours(good, body, SECRET)
    assert not is_ours(good, body + b" ", SECRET)
    assert not is_ours(good, body, OTHER)
    assert not is_ours(good.replace("t=", "t=1"), body, SECRET)
    assert not is_ours(signature(body, secrets=[SECRET], unix_s=now - 400), body, SECRET)
    for wrong in ("", "t=,v1=", f"t={now}", f"t={now},v1=é", "v1=0", "t=x,v1=0", good.split(",")[1]):
        assert not is_ours(wrong, body, SECRET)


async def test_the_event_itself_is_posted() -> None:
    request = requested(receiver="webhook")
    async with webhook_server() as server:
        receiver = WebhookReceiver(webhook_settings(server.url), SystemClock())
        await receiver.send([request])
        await receiver.close()
    ((headers, body),) = server.requests
    assert decode(body) == request
    assert headers["Content-Type"] == CONTENT_TYPE
    assert headers["Idempotency-Key"] == str(request.id) == orjson.loads(body)["id"]
    assert list(server.taken) == [str(request.id)]


async def test_while_the_secret_is_changed_either_is_good() -> None:
    async with webhook_server() as server:
        changing = webhook_settings(server.url, secret=SecretStr(OTHER), secret_old=SecretStr(SECRET))
        receiver = WebhookReceiver(changing, SystemClock())
        for server.secret in (SECRET, OTHER):
            await receiver.send([requested()])
        server.secret = "neither of the two"
        with pytest.raises(Misconfigured, match=r"answered 401: .*; check .*INFRASTRUCTOR_WEBHOOK__SECRET") as error:
            await receiver.send([requested()])
        await receiver.close()
    assert len(server.taken) == 2
    assert "nbr-place" not in str(error.value)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"URL": "https://h/x"}, "SECRET"),
        ({"SECRET": SECRET}, "URL"),
        ({"URL": "https://h/x", "SECRET": "short"}, "SECRET"),
        ({"URL": "h/x", "SECRET": SECRET}, "URL"),
        ({"URL": "https://me:pw@h/x", "SECRET": SECRET}, "URL"),
        ({"SECRET_OLD": SECRET}, "SECRET"),
    ],
)
def test_half_a_webhook_names_the_variable(variables: dict[str, str], named: str) -> None:
    world = World((("environment", {f"INFRASTRUCTOR_WEBHOOK__{name}": value for name, value in variables.items()}),))
    with pytest.raises(SettingsInvalid, match=f"INFRASTRUCTOR_WEBHOOK__{named}"):
        load(WebhookSettings, world)


def test_without_settings_it_is_not_configured() -> None:
    assert not WebhookSettings().configured
    assert webhook_settings("https://h/x").configured


def test_a_sink_answers_for_its_own_receiver_only() -> None:
    desks = [Desk("gotify", ""), Desk("webhook", "")]
    for name, takers in (("gotify", ["gotify"]), ("webhook", ["webhook"]), ("pager", [])):
        request = requested(receiver=name, alert_ids=(UUID(int=1),))
        assert [desk.receiver for desk in desks if request_for(desk, request) is not None] == takers
    assert {(desk.source, desk.group) for desk in desks} == {
        ("/sinks/gotify", "infrastructor-sink-gotify"),
        ("/sinks/webhook", "infrastructor-sink-webhook"),
    }
