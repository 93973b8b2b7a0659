"""Which fold a derivation needs: one state a device, or one state of parts for the whole partition."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from schemas.record import AnyRead, Record
from streams.applied import Applied
from streams.documents import InForce
from streams.fleet import AnyDerivation, FleetDerivation
from streams.fleet_fold import FleetFold
from streams.fold import PartitionFold
from streams.liveness import Liveness
from streams.stored import Changes


class Fold(Protocol):
    """One derivation on one partition, of either sort."""

    partition: int

    @property
    def next_offset(self) -> int:
        """The offset of the first record that is not applied; 0 before the first."""
        ...

    @property
    def rules(self) -> InForce | None:
        """Which rules are in force."""
        ...

    @property
    def liveness(self) -> Liveness:
        """The liveness clock."""
        ...

    def load(self, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Start from what is stored. Raises StateUnreadable."""
        ...

    def apply(self, record: Record[AnyRead]) -> Applied:
        """Fold one record; what was applied before is skipped. Raises nothing: a failure is a value."""
        ...

    def pass_over(self, offset: int) -> None:
        """Go past a record that is no event."""
        ...

    def continue_after(self, sent: Mapping[str, int]) -> None:
        """Number what is derived from here on after these numbers, by subject."""
        ...

    def changes(self) -> Changes | None:
        """What changed since the last call, encoded; None when no record was applied."""
        ...


def fold_of(derivation: AnyDerivation, partition: int) -> Fold:
    """The fold of a derivation on a partition, with nothing applied."""
    if isinstance(derivation, FleetDerivation):
        return FleetFold(derivation, partition)
    return PartitionFold(derivation, partition)
