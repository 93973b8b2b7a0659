"""The operator's side: asks, and waits for the answer. Blocks."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from pydantic import ValidationError

from collectors.api.protocol import Ended, Line, Request
from collectors.api.socket import connected
from runtime.errors import InfrastructorError

CONNECT_S = 5.0
ANSWER_S = 600.0
"""Longer than any look may take with all its tries."""


class AgentRefused(InfrastructorError):
    """The running agent does not answer this; the message is the agent's, or says why it was not asked."""

    error_code = "agent_refused"
    exit_code = 69

    def __init__(self, message: str, *, exit_code: int | None = None) -> None:
        super().__init__(message, operation="ask the agent")
        if exit_code is not None:
            self.exit_code = exit_code  # type: ignore[misc]  # the agent's own error decides


@dataclass(frozen=True, slots=True)
class Reply:
    """What the agent answered: events as JSON documents, the raw output when asked for, how it ended."""

    ended: Ended
    events: tuple[bytes, ...] = ()
    raw: str | None = None


@dataclass(slots=True)
class _Collected:
    events: list[bytes] = field(default_factory=list)
    raw: str | None = None


def ask_agent(path: Path, request: Request) -> Reply | None:
    """Return the running agent's answer; None when none runs on this data folder. Raises AgentRefused."""
    try:
        connection = connected(path, timeout_s=CONNECT_S)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except PermissionError:
        raise AgentRefused(
            f"the agent's socket {path} is another user's: run this as that user", exit_code=77
        ) from None
    except OSError as error:
        raise AgentRefused(f"the agent's socket {path} cannot be reached ({error.strerror or error})") from error
    with connection:
        try:
            connection.settimeout(ANSWER_S)
            # One that is too busy has hung up by now, and has said so before.
            with contextlib.suppress(BrokenPipeError):
                connection.sendall(request.model_dump_json().encode() + b"\n")
            with connection.makefile("rb") as lines:
                return _read(lines)
        except OSError as error:
            raise AgentRefused(f"the agent did not answer ({error.strerror or error}): see its log") from error


def _read(lines: Iterator[bytes]) -> Reply:
    found = _Collected()
    for line in lines:
        if line.startswith(b'{"event":'):
            found.events.append(line.rstrip()[len(b'{"event":') : -1])
            continue
        read = _line(line)
        if read.refused is not None:
            raise AgentRefused(read.refused.message, exit_code=read.refused.exit_code)
        if read.ended is not None:
            return Reply(read.ended, tuple(found.events), found.raw)
        found.raw = read.raw
    raise AgentRefused("the agent ended before it answered: see its log")


def _line(line: bytes) -> Line:
    try:
        return Line.model_validate(orjson.loads(line))
    except (orjson.JSONDecodeError, ValidationError):
        raise AgentRefused("the agent answered something else: is it of the same version?") from None
