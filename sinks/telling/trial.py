"""One real message through a receiver, without Kafka: what `infrastructor notify test` sends, and what came back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from runtime.errors import InfrastructorError, SettingsInvalid
from schemas.alert import Severity
from schemas.identity import derived_id, uuid7
from schemas.notification import NotificationRequested, NotificationRequestedData
from sinks.telling.port import Away, Misconfigured, Receiver, Refused

SOURCE = "/operators/notify-test"
RULE = "notify_test"


class ReceiverUnavailable(InfrastructorError):
    """The receiver of notifications does not answer, or not now; trying again can help."""

    error_code = "receiver_unavailable"
    exit_code = 69
    retryable = True


class ReceiverRefused(InfrastructorError):
    """The receiver of notifications would not have the message."""

    error_code = "receiver_refused"
    exit_code = 69


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message that arrived: its id there, and whether it was found again; None where that cannot be asked."""

    message_id: str | None
    found_again: bool | None


def trial_request(receiver: str, severity: Severity, *, host: str, now: datetime) -> NotificationRequested:
    """A request that says of itself that it is a test."""
    request_id = uuid7(int(now.timestamp() * 1000))
    return NotificationRequested(
        id=request_id,
        source=SOURCE,
        subject="_fleet",
        time=now,
        data=NotificationRequestedData(
            receiver=receiver,
            kind="raised",
            alert_ids=(derived_id(request_id, RULE),),
            rule=RULE,
            severity=severity,
            title=f"[{severity}] A test from {host}",
            body=f"**This is a test.** `infrastructor notify test` was run on {host}; nothing is wrong.",
        ),
    )


async def try_out(receiver: Receiver, request: NotificationRequested) -> Arrived:
    """Send once. Raises ReceiverUnavailable, ReceiverRefused, SettingsInvalid; the message names the variable."""
    with _translated(request.data.receiver):
        message_id = await receiver.send([request])
    if receiver.takes_once:
        return Arrived(message_id, None)
    receiver.forget()
    with _translated(f"delivered as message {message_id}, but it cannot be looked for there"):
        there = await receiver.there([request])
    return Arrived(message_id, None if there is None else request.id in there)


@contextmanager
def _translated(where: str) -> Iterator[None]:
    operation = "send a test message"
    try:
        yield
    except Away as error:
        raise ReceiverUnavailable(f"{where}: {error}", operation=operation) from error
    except Misconfigured as error:
        raise SettingsInvalid(f"{where}: {error}", operation=operation) from error
    except Refused as error:
        raise ReceiverRefused(f"{where}: refused with {error}", operation=operation) from error
