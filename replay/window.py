"""Moments as people give them to options: an ISO 8601 time with its zone, or an age such as `2h`."""

from datetime import datetime

from runtime.durations import duration
from runtime.errors import InputInvalid


def is_age(text: str) -> bool:
    """Whether a moment is given as an age, which means another moment with every run."""
    try:
        duration(text.strip())
    except ValueError:
        return False
    return True


def moment_ms(text: str, option: str, *, now_ms: int) -> int:
    """The moment in ms since 1970; InputInvalid names the option. A time without a zone is refused."""
    given = text.strip()
    try:
        return now_ms - int(duration(given).total_seconds() * 1000)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise InputInvalid(
            f"{option}: {text!r} is neither a time such as 2026-11-20T12:00:00Z nor an age such as 30m, 12h or 7d",
            operation="read options",
        ) from None
    if moment.tzinfo is None:
        raise InputInvalid(f"{option}: {text!r} has no zone: write 2026-11-20T12:00:00Z", operation="read options")
    return int(moment.timestamp() * 1000)
