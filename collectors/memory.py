"""What a look remembers across restarts: for configuration files, what was last told of each, in the spool's file."""

from collections.abc import Mapping
from datetime import datetime

from collectors.config_files import Configurations
from collectors.configuration import Kept, observations, step
from collectors.look import Told


def tell_changed(seen: Configurations, memory: Mapping[str, bytes], at: datetime) -> Told:
    """Return what changed since it was last told, and everything once a day; what to remember goes with it."""
    result = step(seen, {path: kept for path, stored in memory.items() if (kept := _kept(stored))}, at)
    remember = {path: kept.to_json() if kept is not None else None for path, kept in result.kept.items()}
    return Told(observations(result.published), remember=remember)


def _kept(stored: bytes) -> Kept | None:
    try:
        return Kept.from_json(stored)
    except ValueError:
        # Written by another version: told anew.
        return None
