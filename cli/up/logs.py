"""The log file of one child: its output line by line, rotated by size."""

import logging
import logging.handlers
from pathlib import Path

_BYTES = 10_000_000
_KEPT = 3


class LogFile:
    """Lines appended to a file that is rotated at 10 MB; three older ones are kept."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handler = logging.handlers.RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8")

    def write(self, line: str) -> None:
        """Append one line. A disk that is full loses it, and nothing else."""
        self._handler.emit(logging.makeLogRecord({"msg": line.rstrip("\n"), "levelno": logging.INFO}))
