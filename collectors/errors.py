"""How a look can fail. Each failure becomes a `collection.failed` event; none of them ends the agent."""

from typing import ClassVar, Literal

from runtime.errors import InfrastructorError

FailedStatus = Literal["error", "timeout", "unreachable"]

MAX_QUOTE = 120


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


class OutputTooLarge(LookFailed):
    """There was more output than a look may have."""

    error_code = "output_too_large"


class CommandFailed(LookFailed):
    """The program ran and reported failure."""

    error_code = "command_failed"


class ProgramMissing(LookFailed):
    """The program that the look needs is not there, or may not be run."""

    error_code = "program_missing"


class ParseError(LookFailed):
    """The output is not in the format that the parser knows; the message names section, line and what was expected."""

    error_code = "parse_failed"

    def __init__(self, what: str, *, section: str, line: int | None = None, text: str = "") -> None:
        place = section if line is None else f"{section}, line {line}"
        quoted = f": {text[:MAX_QUOTE]!r}" if text else ""
        super().__init__(f"{place}: {what}{quoted}", operation="parse", section=section, line=line)
