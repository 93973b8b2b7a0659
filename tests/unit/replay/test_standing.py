"""How a core stands on a device, by the entries of its changelog; and what a rebuild says of itself."""

from uuid import UUID

import pytest

from cli.streams_shown import rebuilt_lines, state_lines
from replay.rebuild import Rebuilt, chosen
from replay.standing import names, standing_of
from runtime.errors import InputInvalid
from schemas.registry import ALERTS, COLLECTIONS
from streams.derivations import all_derivations
from streams.device_status.core import DeviceStatus
from streams.fold import PartitionFold
from tests.unit.streams.log_of_events import EPOCH, Collections


def test_a_device_in_a_core_with_a_state_for_each() -> None:
    log, fold = Collections(3), PartitionFold(DeviceStatus(), 3)
    log.rules("status_policy", {"flap_transitions": 9}, 4)
    log.completed("web-1")
    log.completed("web-2")
    log.tick()
    for record in log.records:
        fold.apply(record)
    changes = fold.changes()
    assert changes is not None
    entries = dict((*changes.states, changes.partition))
    found = standing_of(DeviceStatus(), 3, entries, device="web-1", end=7)
    assert (found.topic, found.partition, found.applied, found.lag) == (COLLECTIONS, 3, 3, 3)
    assert (found.offset, found.sent, found.sequences) == (3, 1, {str(EPOCH): 1})
    assert found.state["status"] == "online"
    assert found.rules is not None
    assert (found.rules["kind"], found.rules["revision"]) == ("status_policy", 4)
    text = "\n".join(state_lines([found]))
    assert "device_status: infra.collections/3, applied up to offset 3, 3 behind the end of the log" in text
    assert "status: online" in text
    nobody = standing_of(DeviceStatus(), 3, entries, device="web-9", end=4)
    assert (nobody.state, nobody.offset, nobody.lag) == (None, None, 0)
    assert "does not know the device" in "\n".join(state_lines([nobody]))
    fresh = standing_of(DeviceStatus(), 3, {}, device="web-1", end=4)
    assert "nothing stored yet, 4 records in the log" in "\n".join(state_lines([fresh]))


def test_a_device_in_the_core_that_sees_all() -> None:
    notifications = next(one for one in all_derivations() if one.reads == ALERTS)
    alert = UUID(int=7)

    def entry(part: str) -> bytes:
        return b'{"v":1,"offset":5,"since":-1,"before":null,"part":' + part.encode() + b"}"

    entries = {
        f"0|alert:{alert}".encode(): entry('{"device":"web-1","rule":"full"}'),
        b"0|alert:other": entry('{"device":"web-2"}'),
        b"0|device:web-1": entry('{"scopes":{"/streams/alerts-metrics":3},"sent":2}'),
        b"0|recent:ids": entry('{"ids":["web-1"]}'),
        b"0|gone:web-1": entry("null"),
    }
    found = standing_of(notifications, 0, entries, device="web-1", end=9)
    assert list(found.state) == [f"alert:{alert}"]
    assert (found.offset, found.sent, found.sequences) == (5, 2, {"/streams/alerts-metrics": 3})
    assert standing_of(notifications, 0, entries, device="web-9", end=9).state is None


def test_a_part_names_a_device_as_value_or_key_at_any_depth() -> None:
    assert names({"a": [{"b": "nas"}]}, "nas")
    assert names({"a": {"nas": 1}}, "nas")
    assert not names({"a": ["nas-2", None, 3]}, "nas")


def test_derivations_by_name_and_by_the_beginning_of_several() -> None:
    assert [one.name for one in chosen(["alerts"])] == ["alerts-metrics", "alerts-status"]
    assert [one.name for one in chosen(["notifications", "device_status"])] == ["device_status", "notifications"]
    with pytest.raises(InputInvalid, match="there is no derivation alert; there are device_status"):
        chosen(["alert"])


def test_what_a_rebuild_did_is_said() -> None:
    nothing, much = Rebuilt("a"), Rebuilt("b", [1, 2], 10, [2], 900, 30, 20, 3, 7, 40, 2)
    lines = "\n".join(rebuilt_lines([nothing, much]))
    assert "a: every state is whole" in lines
    assert "b: 2 partitions rebuilt from 900 records: 40 states written, 2 old ones removed" in lines
    assert "3 were missing at its end and were put" in lines
    assert "7 more are not in the topic" in lines
    assert "of 1 partitions the beginning is no longer kept" in lines
