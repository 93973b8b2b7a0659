"""How a look ended, for whoever asked for it."""

import zlib
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from runtime.errors import InfrastructorError

Ended = Literal["success", "skipped", "error", "timeout", "unreachable"]


@dataclass(frozen=True, slots=True)
class Looked:
    """One look: its run, how long it took (seconds), its events as kept in the spool, its own audit left out.

    `error` says why it gave none; `raw` is what the device answered. `packed` holds the events of one that was put by.
    """

    status: Ended
    correlation: UUID
    duration_s: float
    events: tuple[bytes, ...] = ()
    error: InfrastructorError | None = None
    raw: str | None = None
    packed: bytes | None = None

    def lines(self) -> tuple[bytes, ...]:
        """Return the events, a JSON document each."""
        if self.packed is None:
            return self.events
        return tuple(zlib.decompress(self.packed).split(b"\n")) if self.packed else ()


def put_by(looked: Looked) -> Looked | None:
    """Return a look as it is kept for others: without its raw output, its events packed; None when it failed."""
    if looked.status != "success":
        return None
    packed = zlib.compress(b"\n".join(looked.events), 1) if looked.events else b""
    return replace(looked, events=(), raw=None, packed=packed)
