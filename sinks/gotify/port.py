"""What this sink needs of a Gotify server. Implemented over HTTP, and by a fake in the tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Message:
    """A message to send. The extras say of which requests and alerts it tells, so that it can be found again."""

    title: str
    message: str
    priority: int
    extras: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of ours at the server: its id there, and what its extras say."""

    message_id: str
    requests: frozenset[UUID]
    alerts: frozenset[UUID]
    over: frozenset[UUID]
    """Those of the alerts of which it told that they are over."""
    kind: str


class Gotify(Protocol):
    """A Gotify server."""

    async def send(self, message: Message) -> str:
        """Send a message; return its id there. Waits; raises Away, Misconfigured, Refused. Twice makes two messages."""
        ...

    async def recent(self) -> Sequence[Sent] | None:
        """Return those of the newest messages that are ours, newest first; None when we may not look.

        Waits; raises Away, Misconfigured.
        """
        ...

    async def delete(self, message_id: str) -> None:
        """Delete a message; one that is not there is as good. Waits; raises Away, Misconfigured, Refused."""
        ...
