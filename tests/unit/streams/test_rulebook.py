"""Rules and ticks put into the partitions that are ours."""

from pathlib import Path
from typing import Any

import pytest

from runtime.clock import ManualClock
from runtime.errors import InputInvalid
from schemas.clock import ClockTicked
from schemas.codec import decode
from schemas.record import RecordReader
from schemas.registry import ALERTS, COLLECTIONS, METRICS
from schemas.rules import RulesLoaded
from streams.derivations import all_derivations
from streams.worker.clockwork import Clockwork
from streams.worker.owned import Ownership
from streams.worker.rulebook import Rulebook
from streams.worker.writing import PatientSender
from tests.contract.memory_log import MemoryLog


class Shell:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "rules.yaml"
        self.write(1)
        self.log = MemoryLog({METRICS: 12, COLLECTIONS: 12, ALERTS: 1})
        self.clock = ManualClock()
        self.sender = PatientSender(self.log, self.clock, patience_s=0)
        self.ownership = Ownership(all_derivations())
        self.take()
        self.rulebook = Rulebook(self.file, self.ownership, sender=self.sender, clock=self.clock, poll_s=1)

    def write(self, revision: int, rules: str = "[]") -> None:
        self.file.write_text(f"revision: {revision}\nrules: {rules}\n")

    def take(self) -> None:
        tables: dict[str, dict[bytes, bytes]] = {one.table: {} for one in all_derivations()}
        self.ownership.take([(METRICS, 2), (METRICS, 5), (COLLECTIONS, 2), (ALERTS, 0)], tables)

    def events(self, topic: str) -> list[Any]:
        return [decode(raw.value) for raw in self.log.records(topic) if raw.value is not None]

    def apply(self) -> None:
        """Let the folds have what is in the log."""
        for raw in self.log.records(METRICS):
            owned = self.ownership.get(METRICS, raw.partition)
            assert owned is not None
            owned.fold.apply(RecordReader().read(raw))


async def test_rules_are_put_once_into_each_partition_of_their_topic(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    await shell.rulebook.put()
    await shell.rulebook.put()
    assert [raw.partition for raw in shell.log.records(METRICS)] == [2, 5]
    events = shell.events(METRICS)
    assert all(isinstance(event, RulesLoaded) for event in events)
    assert len({event.id for event in events}) == 2
    assert shell.events(COLLECTIONS) == shell.events(ALERTS) == []
    shell.apply()
    shell.take()
    await shell.rulebook.put()
    # After a rebalance the states of this test are empty: the same events, with the same ids, are put again.
    assert len({event.id for event in shell.events(METRICS)}) == 2


async def test_rules_that_are_in_force_are_not_put(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    await shell.rulebook.put()
    shell.apply()
    again = Rulebook(shell.file, shell.ownership, sender=shell.sender, clock=shell.clock, poll_s=1)
    await again.put()
    assert len(shell.events(METRICS)) == 2


@pytest.mark.parametrize(("revision", "rules"), [(0, "[]"), (1, "[{name: a, severity: info, select: {metric: m}, "
    "condition: {kind: above, level: 1}, annotations: {summary: s}}]")])  # fmt: skip
async def test_older_rules_and_clashes_are_not_put(tmp_path: Path, revision: int, rules: str) -> None:
    shell = Shell(tmp_path)
    await shell.rulebook.put()
    shell.apply()
    shell.write(revision, rules)
    again = Rulebook(shell.file, shell.ownership, sender=shell.sender, clock=shell.clock, poll_s=1)
    await again.put()
    assert len(shell.events(METRICS)) == 2


def test_a_file_that_is_wrong_at_start_is_refused(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.file.write_text("revision: x")
    with pytest.raises(InputInvalid, match="revision"):
        Rulebook(shell.file, shell.ownership, sender=shell.sender, clock=shell.clock, poll_s=1)


async def test_a_tick_goes_into_each_partition_that_is_ours_and_shows_the_end_of_the_log(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    clockwork = Clockwork(shell.ownership, shell.sender, shell.clock, period_s=5)
    await clockwork.tick()
    await clockwork.tick()
    for topic, count in ((METRICS, 4), (COLLECTIONS, 2), (ALERTS, 2)):
        events = shell.events(topic)
        assert len(events) == count
        assert all(isinstance(event, ClockTicked) for event in events)
    assert {owned.lag for owned in shell.ownership} == {2}
    assert shell.log.records(ALERTS)[0].key == b"_partition-0"
