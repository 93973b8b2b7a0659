"""The board in the state that a streams worker has stored: all parts as of one offset, whatever a kill left behind."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from cli.operators.stored import read_stored
from streams.documents import InForce
from streams.fleet_stored import encode_part, part_key
from streams.notifications import state as parts
from streams.stored import PartitionState, StateUnreadable, encode_partition, encode_rules, partition_key, rules_key
from tests.unit.cli.said_of_alerts import START

ALERT = parts.Alert(
    id=uuid4(),
    device="nas",
    rule="disk_full",
    severity="warning",
    since=START,
    raised_at=START,
    summary="it is full",
    offset=4,
    raised_ms=0,
    tellings={
        "gotify": parts.Telling(route="default", start_ms=0, stage="told", told_ms=30_000),
        "webhook": parts.Telling(route="default", start_ms=0),
    },
)
SILENCE = parts.Silence(uuid4(), "nas", "ada", {"rule": "x"}, START, START + timedelta(hours=1))
MAINTENANCE = parts.Maintenance(uuid4(), "_fleet", "ada", START, groups=("lab",))


def entry(kind: str, name: object, part: object, *, before: object = None, offset: int = 9) -> dict[bytes, bytes]:
    return {part_key(0, (kind, str(name))): encode_part(part, before, offset=offset, since=offset - 1)}


def partition(offset: int) -> dict[bytes, bytes]:
    return {partition_key(0): encode_partition(PartitionState(offset=offset))}


def test_nothing_is_stored_before_the_partition_is() -> None:
    assert read_stored({}) is None


def test_parts_become_the_board() -> None:
    stored = read_stored(
        entry("alert", ALERT.id, ALERT)
        | entry("silence", SILENCE.id, SILENCE)
        | entry("maintenance", MAINTENANCE.id, MAINTENANCE)
        | entry("known", "nas", parts.Known(("switch",)))
        | partition(9)
    )
    assert stored is not None
    assert stored.applied == 9
    alert = stored.board.alerts[ALERT.id]
    assert (alert.device, alert.rule, alert.told, alert.offset, alert.firing) == (
        *("nas", "disk_full", ("gotify",), 4, True),
    )
    assert alert.waiting == ("webhook is to be told, and waits for others of its group (group_wait)",)
    assert stored.board.silences[SILENCE.id].matchers == {"rule": "x"}
    assert stored.board.maintenance[MAINTENANCE.id].groups == ("lab",)


def test_a_part_that_is_ahead_of_the_partition_is_as_it_was() -> None:
    after = replace(ALERT, acknowledged=parts.Acknowledged("ada", START))
    stored = read_stored(entry("alert", ALERT.id, after, before=ALERT, offset=10) | partition(9))
    assert stored is not None
    assert stored.board.alerts[ALERT.id].acknowledged is None
    stored = read_stored(entry("alert", ALERT.id, after, before=ALERT, offset=10) | partition(10))
    assert stored is not None
    remark = stored.board.alerts[ALERT.id].acknowledged
    assert remark is not None
    assert remark.operator == "ada"


def test_the_policy_in_force_comes_with_it() -> None:
    digest = "ab" * 32
    own = PartitionState(offset=9, rules=InForce(2, digest), documents=(digest,))
    document = {"timezone": "Europe/Berlin"}
    entries = {partition_key(0): encode_partition(own), rules_key(0, digest): encode_rules(document)}
    stored = read_stored(entries)
    assert stored is not None
    assert stored.policy.timezone == "Europe/Berlin"
    entries[rules_key(0, digest)] = encode_rules({"something": "newer"})
    assert read_stored(entries) is not None


def test_a_state_of_another_form_is_not_guessed_at() -> None:
    with pytest.raises(StateUnreadable):
        read_stored({b"0|nas": b'{"v": 1, "offset": 3, "scopes": {}, "sent": 0, "core": {}}'} | partition(9))
