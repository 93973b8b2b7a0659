"""How a look can fail. Each failure becomes a `collection.failed` event; none of them ends the agent."""

from typing import ClassVar, Literal

from collectors.secrets import masked_text
from runtime.errors import InfrastructorError

FailedStatus = Literal["error", "timeout", "unreachable"]

MAX_QUOTE = 120
MAX_COMPLAINT = 300
MAX_MASKED = 8192
"""Characters of an answer that are searched for secrets before a part of them is quoted: what names one goes before."""


class LookFailed(InfrastructorError):
    """A look that gave no answer; `status` is what its `collection.failed` says."""

    error_code = "look_failed"
    exit_code = 69
    status: ClassVar[FailedStatus] = "error"


class LookTimedOut(LookFailed):
    """The device did not answer in time."""

    error_code = "look_timed_out"
    status = "timeout"
    retryable = True


class NoTurn(LookTimedOut):
    """The look waited for a bound of our own, which says nothing of the device."""

    error_code = "no_turn"


class OutputTooLarge(LookFailed):
    """There was more output than a look may have."""

    error_code = "output_too_large"


class CommandFailed(LookFailed):
    """The program ran and reported failure."""

    error_code = "command_failed"


class ProgramMissing(LookFailed):
    """The program that the look needs is not there, or may not be run."""

    error_code = "program_missing"


class SocketUnusable(LookFailed):
    """A socket of the machine takes no connection, or what is behind it speaks no HTTP."""

    error_code = "socket_unusable"
    retryable = True


class LookSkipped(LookFailed):
    """The look was not tried; the message is the reason."""

    error_code = "look_skipped"


class CircuitOpen(LookSkipped):
    """The device failed too often in a row: it is left alone until the next try is due."""

    error_code = "circuit_open"


class LookUnreachable(LookFailed):
    """The device cannot be reached or logged in to; its kinds say at which step."""

    error_code = "unreachable"
    status = "unreachable"


class NameUnknown(LookUnreachable):
    """The host name has no address."""

    error_code = "name_unknown"
    retryable = True


class ConnectionRefused(LookUnreachable):
    """Nothing listens there, or the network says that there is no way."""

    error_code = "connection_refused"
    retryable = True


class ConnectTimedOut(LookUnreachable):
    """The device took no connection in time, or took it and kept silent."""

    error_code = "connect_timed_out"
    retryable = True


class ConnectionLost(LookUnreachable):
    """The connection broke while it was needed."""

    error_code = "connection_lost"
    retryable = True


class HandshakeFailed(LookUnreachable):
    """What answers speaks no SSH that we understand."""

    error_code = "handshake_failed"


class HostKeyUnknown(LookUnreachable):
    """The device shows a key that was never accepted for it."""

    error_code = "host_key_unknown"


class HostKeyChanged(LookUnreachable):
    """The device shows another key than the one that was accepted: installed anew, or somebody else's machine."""

    error_code = "host_key_changed"


class HostKeyRefused(LookUnreachable):
    """The device's key is revoked, or its certificate is not valid for it."""

    error_code = "host_key_refused"


class LoginRefused(LookUnreachable):
    """The device does not let this user in with the keys we have."""

    error_code = "login_refused"


class KeyUnusable(LookUnreachable):
    """The private key of our own cannot be read."""

    error_code = "key_unusable"


class SessionRefused(LookFailed):
    """The device takes no more sessions on the connection, or none at all."""

    error_code = "session_refused"
    retryable = True


class ParseError(LookFailed):
    """The output is not in the format that the parser knows; the message names section, line and what was expected.

    It quotes the beginning of `text`, without secrets.
    """

    error_code = "parse_failed"

    def __init__(self, what: str, *, section: str, line: int | None = None, text: str = "") -> None:
        place = section if line is None else f"{section}, line {line}"
        # Masked before it is cut: a secret of which the end is missing is one.
        quoted = f": {masked_text(text[:MAX_MASKED])[:MAX_QUOTE]!r}" if text else ""
        super().__init__(f"{place}: {what}{quoted}", operation="parse", section=section, line=line)


def last_complaint(text: str) -> str:
    """Return the last line that a program complained with, without secrets, as the end of a sentence; '' for none."""
    lines = masked_text(text.strip()).splitlines()
    return f": {lines[-1][:MAX_COMPLAINT]}" if lines else ""
