"""When too much is refused: a bad release stops the sink instead of draining the topics into dead letters. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """Refused at most so many in a row, and at most this share of the newest records once `minimum` were refused."""

    in_a_row: int = 1000
    share: float = 0.01
    minimum: int = 100
    remembered: int = 10_000


@dataclass(frozen=True, slots=True)
class Tally:
    """What was read lately: `seen` records, `refused` of them, and how many of the last without a good one between."""

    seen: int = 0
    refused: int = 0
    run: int = 0

    def good(self, count: int, limit: Limit) -> "Tally":
        """The tally after `count` records that could be processed."""
        return self._aged(limit, seen=self.seen + count, refused=self.refused, run=0 if count else self.run)

    def bad(self, count: int, limit: Limit) -> "Tally":
        """The tally after `count` that could not."""
        return self._aged(limit, seen=self.seen + count, refused=self.refused + count, run=self.run + count)

    def _aged(self, limit: Limit, *, seen: int, refused: int, run: int) -> "Tally":
        # Halving forgets slowly: what happened ten thousand records ago is no reason to stop now.
        while seen > limit.remembered:
            seen, refused = seen // 2, refused // 2
        return Tally(seen, refused, run)


def exceeded(tally: Tally, limit: Limit) -> str | None:
    """Why to stop; None while all is well."""
    if tally.run >= limit.in_a_row:
        return f"{tally.run} records in a row could not be processed"
    if tally.refused >= limit.minimum and tally.refused > tally.seen * limit.share:
        return (
            f"{tally.refused} of the last {tally.seen} records could not be processed (at most {limit.share:.0%} may)"
        )
    return None
