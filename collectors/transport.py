"""The port to a device: everything a collector learns comes through it, on the spot or over SSH."""

from dataclasses import dataclass
from typing import Protocol

from collectors.request import Request

MAX_OUTPUT_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one fetch may take: seconds, and bytes of output."""

    timeout_s: float = 10.0
    max_bytes: int = MAX_OUTPUT_BYTES


@dataclass(frozen=True, slots=True)
class Output:
    """What a device answered: text (bytes that are no UTF-8 replaced), its size in bytes, the program's exit code."""

    text: str
    size: int
    exit_code: int = 0


class Transport(Protocol):
    """One device."""

    async def fetch(self, request: Request, limits: Limits) -> Output:
        """Return the answer to one request.

        Waits `limits.timeout_s` at most and never blocks the event loop. Raises LookFailed and its kinds, no others:
        LookTimedOut, OutputTooLarge, ProgramMissing, CommandFailed. May be called by many at once.
        """
        ...

    async def close(self) -> None:
        """Give back connections; what is under way fails. May be called twice."""
        ...
