"""What `replay` tells people: a bar while it runs, on a terminal only, and lines when it is done."""

import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from replay.progress import Progress as Far
from replay.verify import Verdict


class BackfillBar:
    """A context manager around the run; `tell` moves the bar. Writes to standard error, and only to a terminal."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("backfill"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[rate]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(file=sys.stderr),
            disable=not sys.stderr.isatty(),
        )
        self._task: TaskID | None = None
        self._begun = time.monotonic()
        self._rows = 0

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self._begun

    def tell(self, far: Far) -> None:
        """Show how far it is; the first call says where it begins."""
        total = sum(len(one) for one in far.reaches)
        done = sum(max(0, far.done.get(one.place, one.begin) - one.begin) for one in far.reaches)
        if self._task is None:
            self._rows = far.totals.rows
            self._task = self._bar.add_task("", total=total, completed=done, rate="")
            return
        rate = (far.totals.rows - self._rows) / max(self.seconds, 1e-3)
        self._bar.update(self._task, completed=done, rate=f"{far.totals.records:,} records, {rate:,.0f} rows/s")

    def __enter__(self) -> Self:
        self._begun = time.monotonic()
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()


def backfill_lines(far: Far, *, whole: bool, dry_run: bool, seconds: float) -> Iterator[str]:
    """What was done, in a few lines."""
    totals = far.totals
    yield f"read      {totals.records} records of {sum(len(one) for one in far.reaches)} offsets in {seconds:.1f} s"
    yield f"passed    {totals.passed_over} that are not wanted or not stored, {totals.repeated} repeated"
    verb = "would change" if dry_run else "changed"
    tables = ", ".join(f"{table} {count}" for table, count in sorted(totals.changed.items()) if count)
    yield f"{verb:<9} {totals.changes} rows{': ' + tables if tables else ', everything was there'}"
    if totals.conflicts:
        yield f"conflicts {totals.conflicts} samples whose series and time another event holds"
    if totals.refused:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(totals.refused.items()))
        yield f"refused   {sum(totals.refused.values())} records: {reasons}"
        yield from (f"  {name}" for name in totals.named)
    if not whole:
        rest = "nothing was changed" if dry_run else "give the same command again and it goes on from here"
        yield f"interrupted: {rest}"


def verify_lines(verdict: Verdict) -> Iterator[str]:
    """One line a derivation, then each difference that is named."""
    for one in verdict.derivations:
        yield f"{one.name:<16} {one.reads} -> {one.writes}: {one.derived} derived, {one.found} found, " + (
            "no difference" if not one.differing else f"{one.differing} differ"
        )
        yield from (f"  {sentence}" for sentence in one.differences)
        yield from (f"  not compared: {sentence}" for sentence in one.skipped)
    yield f"{verdict.differing} differences" if verdict.differing != 1 else "1 difference"
