"""The view and the counts of a run, as records and polls come in: the one place that holds them."""

from collections.abc import Callable
from dataclasses import replace

from cli.up.fold import fold, fold_dead_letter, note
from cli.up.model import View
from cli.up.tally import Tally
from runtime.kafka.dead_letters import from_record
from schemas.clock import ClockTicked
from schemas.record import AnyRead, RawRecord, Record, RecordReader
from schemas.refusal import EventRefused
from schemas.registry import DEAD_LETTERS
from schemas.rules import RulesLoaded


class Board:
    """`view` is what is shown now, `tally` what this run has done; `first_event` is called once."""

    def __init__(self, *, first_event: Callable[[], None], view: View | None = None) -> None:
        self.view = view or View()
        self.tally = Tally()
        self._reader = RecordReader()
        self._first_event: Callable[[], None] | None = first_event

    def take(self, raw: RawRecord, fresh: bool) -> None:  # noqa: FBT001 - the form that `Watch` calls
        """Take in one record of any topic; `fresh`: it is of this run."""
        if raw.topic == DEAD_LETTERS:
            letter = from_record(raw)
            if letter is not None and fresh and self.tally.count_dead_letter(letter):
                self.view = fold_dead_letter(self.view, letter)
            return
        try:
            record = self._reader.read(raw)
        except EventRefused:
            # Whoever consumes the topic makes a dead letter of it; here it is only counted.
            if fresh:
                self.tally.count_refused()
            return
        self.view = fold(self.view, record, fresh=fresh)
        if fresh:
            self._count(record)

    def say(self, text: str) -> None:
        """Note a line."""
        self.view = note(self.view, text)

    def put(self, **changes: object) -> None:
        """Replace parts of the view with what was polled."""
        self.view = replace(self.view, **changes)  # type: ignore[arg-type]

    def _count(self, record: Record[AnyRead]) -> None:
        self.tally.count(record)
        if self._first_event is not None and not isinstance(record.event, ClockTicked | RulesLoaded):
            told, self._first_event = self._first_event, None
            told()
