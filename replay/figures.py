"""What a backfill has done so far: counts that are kept in its progress file, and what can be said of them."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

MOST_NAMED = 10
"""As many refused records are named; all are counted."""


@dataclass(slots=True)
class Totals:
    """Counts since the backfill was begun. `changed` is by table: rows that were not there, or not like that."""

    records: int = 0
    passed_over: int = 0
    repeated: int = 0
    stored: int = 0
    rows: int = 0
    conflicts: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    named: list[str] = field(default_factory=list)
    low: datetime | None = None
    high: datetime | None = None

    @property
    def changes(self) -> int:
        """How many rows changed in all."""
        return self.changed.total()

    def refuse(self, place: str, reason: str, message: str) -> None:
        """Count a record that cannot be stored."""
        self.refused[reason] += 1
        if len(self.named) < MOST_NAMED:
            self.named.append(f"{place} {reason}: {message}")

    def touch(self, low: datetime, high: datetime) -> None:
        """Samples of these times were written: aggregates over them are to be refreshed."""
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)

    def document(self) -> dict[str, object]:
        """As plain data."""
        return {
            "records": self.records,
            "passed_over": self.passed_over,
            "repeated": self.repeated,
            "stored": self.stored,
            "rows": self.rows,
            "conflicts": self.conflicts,
            "changed": {table: count for table, count in sorted(self.changed.items()) if count},
            "refused": dict(sorted(self.refused.items())),
            "named": self.named,
            "low": self.low.isoformat() if self.low else None,
            "high": self.high.isoformat() if self.high else None,
        }
