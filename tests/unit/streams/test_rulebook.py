"""Rules, policies and ticks put into the partitions that are ours."""

from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from runtime.clock import ManualClock
from runtime.errors import InputInvalid
from runtime.health import Readiness
from runtime.metrics import KafkaMetrics
from schemas.clock import ClockTicked
from schemas.codec import decode
from schemas.record import RecordReader
from schemas.registry import ALERTS, COLLECTIONS, METRICS, OBSERVATIONS, STATUS
from schemas.rules import RulesLoaded
from streams.derivations import all_derivations
from streams.worker.books import BookFile, policy_books, rule_books
from streams.worker.clockwork import Clockwork
from streams.worker.metrics import StreamsMetrics
from streams.worker.owned import Ownership, Recovered
from streams.worker.rulebook import Rulebook
from streams.worker.shown import Shown
from streams.worker.writing import PatientSender
from tests.contract.memory_log import MemoryLog

RULE = "[{name: a, severity: info, select: {metric: m}, condition: {kind: above, level: 1}, annotations: {summary: s}}]"


class Shell:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "rules.yaml"
        self.policies = folder / "policies.yaml"
        self.write(1)
        self.policies.write_text("revision: 1\n")
        self.log = MemoryLog({METRICS: 12, COLLECTIONS: 12, OBSERVATIONS: 12, STATUS: 12, ALERTS: 1})
        self.clock = ManualClock()
        self.sender = PatientSender(self.log, self.clock, patience_s=0)
        self.ownership = Ownership(all_derivations())
        self.places = [(METRICS, 2), (METRICS, 5), (COLLECTIONS, 2), (OBSERVATIONS, 2), (STATUS, 2), (ALERTS, 0)]
        self.take()
        self.rulebook = self.another()

    def another(self) -> Rulebook:
        """A rulebook as a worker that starts now has it."""
        files = [BookFile(self.file, rule_books), BookFile(self.policies, policy_books)]
        return Rulebook(files, self.ownership, sender=self.sender, clock=self.clock, poll_s=1)

    def write(self, revision: int, rules: str = "[]") -> None:
        self.file.write_text(f"revision: {revision}\nrules: {rules}\n")

    def take(self) -> None:
        self.ownership.take(self.places, {one.table: Recovered() for one in all_derivations()}, generation=1)

    def events(self, topic: str) -> list[Any]:
        return [decode(raw.value) for raw in self.log.records(topic) if raw.value is not None]

    def apply(self) -> None:
        """Let the folds have what is in the log."""
        for raw in (raw for topic in self.log.logs for raw in self.log.records(topic)):
            owned = self.ownership.get(raw.topic, raw.partition)
            assert owned is not None
            owned.fold.apply(RecordReader().read(raw))


async def test_rules_are_put_once_into_each_partition_of_their_topics(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    await shell.rulebook.put()
    await shell.rulebook.put()
    assert [raw.partition for raw in shell.log.records(METRICS)] == [2, 5]
    events = shell.events(METRICS)
    assert all(isinstance(event, RulesLoaded) for event in events)
    assert len({event.id for event in events}) == 2
    shell.apply()
    shell.take()
    await shell.rulebook.put()
    # After a rebalance the states of this test are empty: the same events, with the same ids, are put again.
    assert len({event.id for event in shell.events(METRICS)}) == 2


async def test_each_kind_goes_where_the_derivations_are_that_it_is_for(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.policies.write_text("revision: 4\nstatus: {flap_transitions: 9}\n")
    await shell.another().put()
    kinds = {topic: {event.data.kind for event in shell.events(topic)} for topic in shell.log.logs}
    assert kinds == {
        METRICS: {"alert_rules"},
        STATUS: {"alert_rules"},
        COLLECTIONS: {"status_policy"},
        OBSERVATIONS: {"entity_policy"},
        ALERTS: {"notification_policy"},
    }
    (status,) = shell.events(COLLECTIONS)
    assert (status.data.revision, status.data.document) == (4, {"flap_transitions": 9})
    # What is left out holds its defaults from here on, whatever was there before.
    assert shell.events(OBSERVATIONS)[0].data.document == {}
    shell.apply()
    owned = shell.ownership.get(COLLECTIONS, 2)
    assert owned is not None
    assert owned.fold.rules is not None
    assert owned.fold.rules.revision == 4


async def test_rules_that_are_in_force_are_not_put(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    await shell.rulebook.put()
    shell.apply()
    await shell.another().put()
    assert len(shell.events(METRICS)) == 2
    assert len(shell.events(COLLECTIONS)) == 1


@pytest.mark.parametrize(
    ("revision", "rules", "why"),
    [(0, RULE, "has revision 0, revision 1 is in force"), (1, RULE, "revision 1 is in force with another content")],
)
async def test_older_rules_and_clashes_are_not_put_and_are_told(
    tmp_path: Path, revision: int, rules: str, why: str
) -> None:
    shell = Shell(tmp_path)
    await shell.rulebook.put()
    shell.apply()
    assert shell.rulebook.refused == {}
    shell.write(revision, rules)
    again = shell.another()
    await again.put()
    assert len(shell.events(METRICS)) == 2
    assert list(again.refused) == ["alert_rules"]
    assert why in again.refused["alert_rules"]


async def test_a_file_that_goes_back_to_what_the_worker_put_before_is_warned_of_once(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    file = BookFile(shell.file, rule_books)
    rulebook = Rulebook([file], shell.ownership, sender=shell.sender, clock=shell.clock, poll_s=1)
    with capture_logs() as logs:
        for revision in (1, 2, 1):
            shell.write(revision)
            file.look()
            file.look()
            await rulebook.put()
            await rulebook.put()
            shell.apply()
    (warning,) = (one for one in logs if one["log_level"] == "warning")
    assert warning["event"] == "rules not put: the log has a newer revision"
    assert (warning["file_revision"], warning["in_force"]) == (1, 2)
    assert len(shell.events(METRICS)) == 4


@pytest.mark.parametrize("name", ["rules.yaml", "policies.yaml"])
def test_a_file_that_is_wrong_at_start_is_refused(tmp_path: Path, name: str) -> None:
    shell = Shell(tmp_path)
    (tmp_path / name).write_text("revision: x")
    with pytest.raises(InputInvalid, match="revision"):
        shell.another()


def test_a_file_is_read_again_once_it_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "policies.yaml"
    path.write_text("revision: 1\n")
    file = BookFile(path, policy_books)
    assert not file.look()
    # Half of a file may be valid, and of the same revision as the whole.
    path.write_text("revision: 2\n")
    assert not file.look()
    path.write_text("revision: 2\nstatus: {flap_transitions: 9}\n")
    assert not file.look()
    assert file.look()
    assert not file.look()
    assert file.books["status_policy"].document == {"flap_transitions": 9}
    path.unlink()
    assert [file.look(), file.look()] == [False, True]
    assert file.wrong is not None
    assert "cannot be read" in file.wrong
    assert file.books["status_policy"].revision == 2


async def test_a_wrong_file_is_seen_by_whoever_asks_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell, registry, readiness = Shell(tmp_path), CollectorRegistry(), Readiness("kafka")
    metrics = StreamsMetrics.on(registry)
    file = BookFile(shell.policies, policy_books)
    rulebook = Rulebook([file], shell.ownership, sender=shell.sender, clock=shell.clock, poll_s=1)
    shown = Shown(
        shell.ownership,
        rulebook=rulebook,
        sender=shell.sender,
        readiness=readiness,
        metrics=metrics,
        kafka_metrics=KafkaMetrics.on(registry),
    )

    def refused() -> float | None:
        return registry.get_sample_value("infrastructor_streams_rules_refused", {"kind": "status_policy"})

    await rulebook.put()
    shell.apply()
    shown.show()
    assert refused() == 0
    assert readiness.conditions["rules"].why == ""
    shell.policies.write_text("revision: 2\nstatus: {flap_transitions: many}\n")
    assert [file.look(), file.look()] == [False, True]
    shown.show()
    assert refused() == 1
    assert readiness.ready
    assert f"{shell.policies}:2: status.flap_transitions" in readiness.conditions["rules"].why


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
