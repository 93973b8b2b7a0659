"""The batch shell: derives again from records in the order of the log, with the same fold as the worker."""

from collections.abc import Iterable, Iterator, Sequence

from schemas.record import RawRecord, RecordReader
from schemas.refusal import EventRefused
from streams.applied import Derived
from streams.fleet import AnyDerivation
from streams.folds import Fold, fold_of


class Deriver:
    """One derivation over its whole topic, fed record by record; partitions come in any order among each other."""

    def __init__(self, derivation: AnyDerivation) -> None:
        self._derivation = derivation
        self._reader = RecordReader()
        self._folds: dict[int, Fold] = {}

    def feed(self, raw: RawRecord) -> Sequence[Derived]:
        """What follows from the next record of a partition.

        Records that are no events are passed over, as the worker does after it has put them aside.
        """
        if raw.topic != self._derivation.reads:
            return ()
        try:
            record = self._reader.read(raw)
        except EventRefused:
            return ()
        if raw.partition not in self._folds:
            self._folds[raw.partition] = fold_of(self._derivation, raw.partition)
        return self._folds[raw.partition].apply(record).outputs


def derive(derivation: AnyDerivation, raws: Iterable[RawRecord]) -> Iterator[Derived]:
    """What follows from the records of the derivation's topic."""
    deriver = Deriver(derivation)
    for raw in raws:
        yield from deriver.feed(raw)
