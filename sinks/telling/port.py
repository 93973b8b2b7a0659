"""What the sinks that tell need of a receiver, and how it may fail. One contract suite runs on every receiver."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from schemas.notification import NotificationRequested


class Away(Exception):
    """The receiver did not take it now (no answer, 429, 5xx); trying again can help.

    `retry_after_s`: when, if it said so. `maybe_taken`: it may have taken the message, and the answer was lost.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None, maybe_taken: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.maybe_taken = maybe_taken


class Misconfigured(Exception):
    """The receiver does not know the token or the address: no fault of the message, so it waits for a person."""


class Refused(Exception):
    """The receiver will never take this message: `status` and its answer."""

    def __init__(self, status: int, answer: str) -> None:
        super().__init__(f"HTTP {status}: {answer}")
        self.status = status
        self.answer = answer


class Receiver(Protocol):
    """Where requests of one receiver are sent to."""

    @property
    def takes_once(self) -> bool:
        """Whether it takes a request that is sent again, by its id, as the one it has: then nobody has to look."""
        ...

    async def send(self, requests: Sequence[NotificationRequested]) -> str | None:
        """Tell of one request, or of several in one message; return the message's id there, None where there is none.

        Waits; raises Away, Misconfigured, Refused. Where `takes_once` is not so, twice makes two messages.
        """
        ...

    async def there(self, requests: Sequence[NotificationRequested]) -> Mapping[UUID, str] | None:
        """Return the messages' ids of those requests that it has already; None when we may not look.

        Waits; raises Away, Misconfigured.
        """
        ...

    def forget(self) -> None:
        """Ask anew what is there: an answer was lost, or another process may have sent since. May be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """A receiver's name in requests, and what the sink that serves it is called by."""

    receiver: str
    unconfigured: str
    """What to set so that it is configured, a sentence."""

    @property
    def source(self) -> str:
        """The source of its outcomes."""
        return f"/sinks/{self.receiver}"

    @property
    def group(self) -> str:
        """Its consumer group, whose offset is its progress."""
        return f"infrastructor-sink-{self.receiver}"
