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

    `error` says why it gave none, `partial` what of the answer could not be read; `raw` is what the device answered.
    `packed` holds the events of one that was put by.
    """

    status: Ended
    correlation: UUID
    duration_s: float
    events: tuple[bytes, ...] = ()
    error: InfrastructorError | None = None
    raw: str | None = None
    packed: bytes | None = None
    partial: tuple[str, ...] = ()

    @property
    def message(self) -> str | None:
        """What is to be said of how it ended."""
        return self.error.message if self.error is not None else read_in_part(self.partial)

    def lines(self) -> tuple[bytes, ...]:
        """Return the events, a JSON document each."""
        if self.packed is None:
            return self.events
        return tuple(zlib.decompress(self.packed).split(b"\n")) if self.packed else ()


def read_in_part(partial: tuple[str, ...]) -> str | None:
    """Return the sentence that says what could not be read; None when everything could."""
    return f"read in part: {'; '.join(partial)}" if partial else None


def put_by(looked: Looked) -> Looked | None:
    """Return a look as it is kept for others: without its raw output, its events packed; None when it failed."""
    if looked.status != "success":
        return None
    packed = zlib.compress(b"\n".join(looked.events), 1) if looked.events else b""
    return replace(looked, events=(), raw=None, packed=packed)
