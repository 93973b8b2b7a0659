"""The batch shell: derives again from records in the order of the log, with the same fold as the worker."""

from collections.abc import Iterable, Iterator
from typing import Any

from schemas.record import RawRecord, RecordReader
from schemas.refusal import EventRefused
from streams.derivation import Derivation
from streams.fold import Derived, PartitionFold


def derive(derivation: Derivation[Any, Any], raws: Iterable[RawRecord]) -> Iterator[Derived]:
    """What follows from the records of the derivation's topic, partition by partition in any order.

    Records that are no events are passed over, as the worker does after it has put them aside.
    """
    reader = RecordReader()
    folds: dict[int, PartitionFold[Any, Any]] = {}
    for raw in raws:
        if raw.topic != derivation.reads:
            continue
        try:
            record = reader.read(raw)
        except EventRefused:
            continue
        if raw.partition not in folds:
            folds[raw.partition] = PartitionFold(derivation, raw.partition)
        yield from folds[raw.partition].apply(record).outputs
