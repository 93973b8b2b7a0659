"""HTTP over Unix sockets, as the engines of containers speak it: GET only, one connection for each.

HTTP/1.0 (RFC 1945) is asked for, so that an answer comes in one piece and ends with its connection. What is read is
bounded together; who is cancelled leaves no connection behind.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterator

from collectors import sections
from collectors.errors import LookTimedOut, OutputTooLarge, SocketUnusable
from collectors.request import Gets
from collectors.transport import Limits, Output

CLOCK = "clock"
"""The section with the machine's clock."""
NO_ANSWER = 0
"""Stands where an HTTP status would."""

_PIECE = 65_536
_HEAD = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r\n(?:[^\r\n]+\r\n){0,100}\r\n")


class _Room:
    """The bytes that may still be read, of all answers together."""

    def __init__(self, most: int) -> None:
        self._left = most
        self.is_full = False

    def take(self, size: int) -> bool:
        """Take so many; False when there are not as many left, for everybody from then on."""
        self._left -= size
        self.is_full = self.is_full or self._left < 0
        return not self.is_full


async def get_all(request: Gets, limits: Limits, *, now: Callable[[], float] = time.time) -> Output:
    """Return what all servers answer, in the form that `Gets` names.

    Raises SocketUnusable when no socket takes a connection, LookTimedOut, OutputTooLarge.
    """
    began, room = now(), _Room(limits.max_bytes)
    answers: dict[tuple[str, str], tuple[int, bytes]] = {}
    waiting = iter(request.of)
    try:
        async with asyncio.timeout(limits.timeout_s), asyncio.TaskGroup() as group:
            for _ in range(min(request.at_once, len(request.of))):
                group.create_task(_work(waiting, answers, room))
    except TimeoutError:
        late = ", ".join(dict.fromkeys(one[0] for one in request.of if one not in answers))
        raise LookTimedOut(f"{late} did not answer within {limits.timeout_s:g} s", operation="ask") from None
    if room.is_full:
        raise OutputTooLarge(f"sockets gave more than {limits.max_bytes} bytes", operation="read")
    if answers and all(status == NO_ANSWER for status, _ in answers.values()):
        raise SocketUnusable(next(iter(answers.values()))[1].decode(errors="replace"), operation="ask")
    parts = [(CLOCK, f"{began:.6f}\n")]
    parts += [
        (f"GET {path} of {socket} [status {status}]", body.decode(errors="replace"))
        for (socket, path), (status, body) in ((one, answers[one]) for one in request.of)
    ]
    return Output(sections.join(parts), sum(len(body) for _, body in answers.values()))


async def _work(
    waiting: Iterator[tuple[str, str]], answers: dict[tuple[str, str], tuple[int, bytes]], room: _Room
) -> None:
    for socket, path in waiting:
        try:
            answers[socket, path] = await _get(socket, path, room)
        except OSError as error:
            why = f"{socket}: {(error.strerror or str(error)).lower()}"
            answers[socket, path] = NO_ANSWER, why.encode()
        if room.is_full:
            return


async def _get(socket: str, path: str, room: _Room) -> tuple[int, bytes]:
    """Return status and body. Raises OSError."""
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\nAccept: application/json\r\n\r\n".encode())
        await writer.drain()
        parts: list[bytes] = []
        while (part := await reader.read(_PIECE)) and room.take(len(part)):
            parts.append(part)
    finally:
        writer.close()
    answer = b"".join(parts)
    head = _HEAD.match(answer)
    if head is None:
        return NO_ANSWER, f"{socket}: no HTTP is spoken there".encode()
    return int(head[1]), answer[head.end() :]
