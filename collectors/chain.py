"""Asking several things in one look: one text, a section for each, within one deadline and one bound of bytes.

The first must be answered. Of the others, a program that reports failure, or is not there, is an answer as well: its
section says how it ended, `<command line> [exit <code>]`, and the parser knows what that means. What servers on
sockets answer is of sections already.
"""

import shlex
import time
from collections.abc import Callable, Collection
from dataclasses import replace

from collectors import sections
from collectors.errors import LookTimedOut, OutputTooLarge, ProgramMissing, SocketUnusable
from collectors.request import Chain, Command, Gets, Question, Request
from collectors.transport import Limits, Output, Transport

ANY_CODE = frozenset(range(256))
NOT_FOUND = 127
"""What a shell reports of a program that is not there."""

SUDO = ("sudo", "-n")
"""Without a terminal nobody could type a password: with `-n` sudo refuses at once."""


async def ask(
    transport: Transport,
    question: Question,
    limits: Limits,
    *,
    sudo: Collection[str] = (),
    monotonic: Callable[[], float] = time.monotonic,
) -> Output:
    """Return the answer to a look's question; raises what `Transport.fetch` raises, and ParseError.

    The programs in `sudo` are run as root; the sections are named as if they were not.
    """
    if not isinstance(question, Chain):
        return await transport.fetch(elevated(question, sudo), limits)
    deadline = monotonic() + limits.timeout_s
    answer = await transport.fetch(elevated(question.first, sudo), limits)
    texts, size = [_told(question.first, answer)], answer.size
    for request in question.then(answer.text):
        left = Limits(deadline - monotonic(), limits.max_bytes - size)
        if left.timeout_s <= 0:
            raise LookTimedOut(f"{_title(request)} had no time left of {limits.timeout_s:g} s", operation="run")
        if left.max_bytes <= 0:
            raise OutputTooLarge(f"more than {limits.max_bytes} bytes before {_title(request)}", operation="read")
        answer = await _whatever(transport, request, left, sudo=sudo)
        texts.append(_told(request, answer))
        size += answer.size
    return Output("\n".join(texts), size)


async def _whatever(transport: Transport, request: Command | Gets, limits: Limits, *, sudo: Collection[str]) -> Output:
    """Return the answer to one that need not be answered."""
    accepting = replace(request, accepted=ANY_CODE) if isinstance(request, Command) else request
    try:
        return await transport.fetch(elevated(accepting, sudo), limits)
    except ProgramMissing:
        return Output("", 0, NOT_FOUND)
    except SocketUnusable:
        return Output("", 0)


def _told(request: Command | Gets, answer: Output) -> str:
    """Return an answer as a section."""
    if isinstance(request, Gets):
        return answer.text
    return sections.join([(_name(request, answer.exit_code), answer.text)])


def elevated(request: Request, programs: Collection[str]) -> Request:
    """Return the request by way of sudo when it runs one of `programs`; the one place where `sudo` is put before."""
    if isinstance(request, Command) and request.argv[0] in programs:
        return replace(request, argv=(*SUDO, *request.argv))
    return request


def _title(request: Command | Gets) -> str:
    return request.argv[0] if isinstance(request, Command) else "a socket"


def _name(command: Command, code: int) -> str:
    # A header is one line, whatever the arguments hold.
    line = " ".join(shlex.join(command.argv).splitlines())
    return f"{line} [exit {code}]" if code else line
