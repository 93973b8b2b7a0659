"""The log file of one child, or of `up` itself: output line by line, rotated by size."""

import io
import logging
from collections.abc import Callable
from pathlib import Path

from deploy.local.errors import written_to
from runtime.log import RotatingFile
from runtime.log_lines import error_in
from runtime.redact import sanitised

_BYTES = 10_000_000
_KEPT = 3


class LogFile:
    """Lines appended to a file that is rotated at 10 MB; three older ones are kept."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises LocalStackFailed."""
        with written_to(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handler = RotatingFile(path, maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8")

    def write(self, line: str) -> None:
        """Append one line. A disk that is full loses it, and nothing else."""
        self._handler.emit(logging.makeLogRecord({"msg": line.rstrip("\n"), "levelno": logging.INFO}))


class WorkerLog:
    """The output of a worker: kept in its log, and what it says of level error told where people look.

    The same sentence is told once, until it says another.
    """

    def __init__(self, path: Path, *, tell: Callable[[str], None]) -> None:
        """Open it. Raises LocalStackFailed."""
        self._file = LogFile(path)
        self._tell = tell
        self._told = ""

    def write(self, line: str) -> None:
        """Take one line."""
        self._file.write(line)
        said = error_in(line)
        if said is not None and said != self._told:
            self._told = said
            self._tell(sanitised(said))


class LogStream(io.TextIOBase):
    """A log file as the stream that logging writes its lines to, each with one call."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises LocalStackFailed."""
        self._file = LogFile(path)

    def write(self, text: str) -> int:
        """Append one line."""
        self._file.write(text)
        return len(text)
