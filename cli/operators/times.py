"""Moments as operators give them: a time with its zone, or a length from now on."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runtime.durations import duration
from runtime.errors import InputInvalid

_LOCAL = "local"
_EXAMPLE = "2026-11-20T22:00:00Z, '2026-11-20 22:00 Europe/Berlin' or '2026-11-20 22:00 local'"


def moment(text: str, option: str) -> datetime:
    """The moment in UTC: ISO 8601 with an offset, or followed by the name of a zone or by `local`.

    Raises InputInvalid that names the option; a time that does not say its zone is refused.
    """
    given = text.strip()
    when, _, zone = given.rpartition(" ")
    named = bool(when) and not zone[:1].isdigit()
    try:
        found = datetime.fromisoformat(when if named else given)
    except ValueError:
        raise InputInvalid(
            f"{option}: {text!r} is no time such as {_EXAMPLE}",
            operation="read options",
        ) from None
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    if not named:
        raise InputInvalid(f"{option}: {text!r} has no zone: write {_EXAMPLE}", operation="read options")
    if zone == _LOCAL:
        return found.astimezone(UTC)
    try:
        return found.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputInvalid(f"{option}: no zone is named {zone!r}; write {_EXAMPLE}", operation="read options") from None


def length(text: str, option: str) -> timedelta:
    """A length of time such as `2h`; InputInvalid names the option."""
    try:
        found = duration(text)
    except ValueError as error:
        raise InputInvalid(f"{option}: {error}", operation="read options") from None
    if not found:
        raise InputInvalid(f"{option}: {text!r} is no time at all", operation="read options")
    return found


def ending(for_: str | None, until: str | None, *, starts_at: datetime, now: datetime) -> datetime | None:
    """When something ends that begins at `starts_at`; None when neither option says so. Raises InputInvalid."""
    if for_ is not None and until is not None:
        raise InputInvalid("--for and --until say the same twice: give one of them", operation="read options")
    if for_ is not None:
        return starts_at + length(for_, "--for")
    if until is None:
        return None
    end = moment(until, "--until")
    if end <= max(now, starts_at):
        raise InputInvalid(
            f"--until: {until!r} is over already, or before the beginning: it is {now:%Y-%m-%d %H:%M} UTC now",
            operation="read options",
        )
    return end
