"""How much the spool may hold, and the errors of holding too much or being damaged."""

from dataclasses import dataclass
from datetime import timedelta

from runtime.errors import SpoolUnusable

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """Bytes on disk (the log beside the file not counted), and how old metrics may become."""

    max_bytes: int = 1024 * MIB
    max_metrics_age: timedelta = timedelta(days=7)

    @property
    def drop_bytes(self) -> int:
        """How much is freed at a time: a hundredth, so that a full spool does not tell a gap with every look."""
        return max(self.max_bytes // 100, 64 * 1024)


class SpoolFull(SpoolUnusable):
    """There is no room, and no metric left to drop: collecting stops until Kafka has taken something."""

    error_code = "spool_full"
    retryable = True


class SpoolCorrupt(SpoolUnusable):
    """The file is damaged: it is set aside and another begins."""

    error_code = "spool_corrupt"
