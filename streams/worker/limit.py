"""When too much cannot be processed: a bad release stops instead of draining the topic into dead letters. Pure."""

from dataclasses import dataclass

REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many in a row, and at most this share of the newest records once `minimum` failed."""

    in_a_row: int
    share: float
    minimum: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Of the newest records: how many there were, how many failed, and how many of the last without a good one."""

    seen: int = 0
    failed: int = 0
    run: int = 0

    def after(self, *, failed: bool) -> "Tally":
        """The tally after one more record; what is long ago counts half."""
        seen, failures = self.seen + 1, self.failed + failed
        if seen > REMEMBERED:
            seen, failures = seen // 2, failures // 2
        return Tally(seen, failures, self.run + 1 if failed else 0)

    def exceeded(self, limit: Limit) -> str | None:
        """Why to stop; None while all is well."""
        if self.run >= limit.in_a_row:
            return f"{self.run} records in a row could not be processed"
        if self.failed >= limit.minimum and self.failed > self.seen * limit.share:
            return f"{self.failed} of the last {self.seen} records could not be processed"
        return None
