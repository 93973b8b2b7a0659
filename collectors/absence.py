"""Whether a failed look says that the device has nothing of its kind: a reason to skip it, and no failure."""

from typing import Any

from collectors.chain import NOT_FOUND
from collectors.errors import CommandFailed, LookFailed, LookSkipped, ParseError, ProgramMissing
from collectors.look import NOTHING_READ, Look

RETRY_S = 86_400.0
"""What a device lacks is looked for again once a day."""

_SUDO_REFUSED = "sudo ended with 1: sudo: "


class DoesNotApply(LookSkipped):
    """The device lacks what this look is about: its programs, its files, the permission to ask."""

    error_code = "does_not_apply"


def absence(error: LookFailed, look: Look[Any]) -> DoesNotApply | None:
    """Return why the look does not apply to the device; None when it is a failure."""
    if isinstance(error, ProgramMissing):
        return _because(error.message)
    if isinstance(error, CommandFailed) and error.message.startswith(_SUDO_REFUSED):
        what = ", ".join(look.sudo)
        return _because(f"root is needed, and sudo refuses ({error.message}): allow `sudo -n` to run {what}")
    if isinstance(error, CommandFailed) and error.details.get("exit_code") == NOT_FOUND:
        return _because(error.message)
    if isinstance(error, CommandFailed | ParseError) and any(phrase in error.message for phrase in look.absent):
        return _because(error.message)
    return None


def nothing_read(look: Look[Any], text: str) -> DoesNotApply | None:
    """Return why a look that reads files does not apply where it read nothing; None when it does."""
    return _because(NOTHING_READ) if NOTHING_READ in look.absent and not text.strip() else None


def _because(reason: str) -> DoesNotApply:
    return DoesNotApply(reason, operation="look")
