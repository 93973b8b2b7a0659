"""What this sink needs of a Gotify server, and how it may fail. Implemented over HTTP, and by a fake in the tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Message:
    """A message to send. `request_id` goes along in the extras, so that the message can be found again."""

    title: str
    message: str
    priority: int
    extras: Mapping[str, Any]
    request_id: UUID


class Away(Exception):
    """The server did not take it now (no answer, 429, 5xx); trying again can help.

    `retry_after_s`: when, if it said so. `maybe_taken`: it may have taken the message, and the answer was lost.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None, maybe_taken: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.maybe_taken = maybe_taken


class Misconfigured(Exception):
    """The server does not know the token or the address: no fault of the message, so it waits for a person."""


class Refused(Exception):
    """The server will never take this message: `status` and its answer."""

    def __init__(self, status: int, answer: str) -> None:
        super().__init__(f"HTTP {status}: {answer}")
        self.status = status
        self.answer = answer


class Gotify(Protocol):
    """A Gotify server."""

    async def send(self, message: Message) -> str:
        """Send a message; return its id there. Waits; raises Away, Misconfigured, Refused. Twice makes two messages."""
        ...

    async def recent(self) -> dict[UUID, str] | None:
        """Return the newest messages: their ids by the request they came of; None when we may not look.

        Waits; raises Away, Misconfigured.
        """
        ...
