"""Log lines read again: what a person is told of the JSON lines of another process."""

import json
from collections.abc import Mapping


def told(line: str) -> str:
    """Return a line's message and why, for a person; a line that is none of ours is returned as it is."""
    found = _ours(line)
    return line if found is None else _sentence(found)


def error_in(line: str) -> str | None:
    """Return what a line of level error or worse says; None for every other line."""
    found = _ours(line)
    return _sentence(found) if found is not None and found.get("level") in {"error", "critical"} else None


def _ours(line: str) -> Mapping[str, object] | None:
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("event"), str) else None


def _sentence(found: Mapping[str, object]) -> str:
    error = found.get("error")
    why = found.get("why") or found.get("reason") or (error.get("message") if isinstance(error, dict) else error)
    return f"{found['event']}: {why}" if why else str(found["event"])
