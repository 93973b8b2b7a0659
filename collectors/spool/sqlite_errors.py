"""What SQLite's errors mean for a spool."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collectors.spool.limits import SpoolCorrupt, SpoolFull
from runtime.errors import SpoolUnusable

_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def is_full(error: sqlite3.Error) -> bool:
    """Tell whether there was no room on the disk."""
    return _code(error) == sqlite3.SQLITE_FULL


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether the file is damaged."""
    return _code(error) in _CORRUPT


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise our error for one of SQLite's: SpoolCorrupt, SpoolFull, SpoolUnusable."""
    try:
        yield
    except sqlite3.Error as error:
        message = f"{path}: {error}"
        if is_damage(error):
            raise SpoolCorrupt(message, operation="spool") from error
        if is_full(error):
            raise SpoolFull(f"{message}: make room on that disk", operation="spool") from error
        raise SpoolUnusable(f"{message}: check the file and its disk", operation="spool") from error


def _code(error: sqlite3.Error) -> int:
    # Errors of the module itself have none.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
