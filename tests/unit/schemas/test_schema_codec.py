"""Events to bytes and back; unknown fields; earlier majors brought up."""

import copy
from typing import Any
from uuid import UUID

import orjson
import pytest
from pydantic import ValidationError

from schemas.clock import ClockTicked, ClockTickedData
from schemas.codec import MAX_EVENT_BYTES, decode, decode_metric, encode
from schemas.fields import Part, parse_time
from schemas.metric_look import MetricLook, MetricReader
from schemas.refusal import EventRefused, Reason
from schemas.registry import TOPICS
from schemas.rules import RulesLoaded, RulesLoadedData
from schemas.upcast import UPCASTERS, Document, next_major, upcast

TICK: dict[str, Any] = {
    "specversion": "1.0",
    "id": "0192f401-7a01-7101-8001-a1b2c3d4e501",
    "source": "/streams/clock",
    "subject": "_partition-3",
    "time": "2026-11-21T02:00:00Z",
    "datacontenttype": "application/json",
    "type": "infrastructor.clock.ticked.v1",
    "data": {"period_seconds": 5.0},
}


def tick(**changes: Any) -> ClockTicked:
    fields: dict[str, Any] = {
        "id": UUID(TICK["id"]),
        "source": "/streams/clock",
        "subject": "_partition-3",
        "time": parse_time("2026-11-21T03:00:00+01:00"),
        "data": ClockTickedData(period_seconds=5.0),
    }
    return ClockTicked(**(fields | changes))


def rules(document: dict[str, Any]) -> RulesLoaded:
    data = RulesLoadedData(kind="alert_rules", revision=1, hash="0" * 64, document=document)
    return RulesLoaded(id=tick().id, source="/streams/rules", subject="_partition-3", time=tick().time, data=data)


def test_what_is_built_is_what_is_sent() -> None:
    assert orjson.loads(encode(tick())) == TICK
    assert decode(encode(tick())) == tick()


def test_unknown_fields_are_ignored_when_read() -> None:
    document = copy.deepcopy(TICK) | {"new": {"deep": [1]}, "traceparent": "00-1-2-3"}
    document["data"]["new"] = 1
    assert decode(orjson.dumps(document)) == tick()


def test_unknown_fields_are_forbidden_when_built() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        tick(new=1)
    with pytest.raises(ValidationError, match="Extra inputs"):
        ClockTickedData(period_seconds=5.0, new=1)  # type: ignore[call-arg]


def parts(model: type[Part]) -> set[type[Part]]:
    """All models there are below one."""
    return {model}.union(*(parts(below) for below in model.__subclasses__()))


@pytest.mark.parametrize("model", sorted(parts(Part), key=str))
def test_every_part_is_frozen_and_strict(model: type[Part]) -> None:
    config = model.model_config
    assert (config["frozen"], config["strict"], config["extra"]) == (True, True, "forbid")
    assert config["allow_inf_nan"] is False
    assert model.__doc__


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        tick().subject = "nas"  # type: ignore[misc]


@pytest.mark.parametrize(
    "wrong",
    [
        {"time": parse_time("2026-11-21T02:00:00Z").replace(tzinfo=None)},
        {"id": "not a uuid"},
        {"subject": "NAS"},
        {"subject": "_partition-3\n"},
        {"source": "/streams/clock\n"},
        {"sequence": 1},
        {"data": {"period_seconds": float("nan")}},
        {"data": {"period_seconds": float("inf")}},
        {"data": {"period_seconds": True}},
        {"data": {"period_seconds": "5"}},
    ],
)
def test_what_is_refused_when_read_is_refused_when_built(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        tick(**wrong)


def test_a_free_document_keeps_its_nulls_and_comes_back_the_same() -> None:
    document = {"a": None, "b": [None, 1, 1.5, "é", True], "c": {}, "d": {"e": None}}
    event = decode(encode(rules(document)))
    assert isinstance(event, RulesLoaded)
    assert event.data.document == document


@pytest.mark.parametrize("odd", [b"1e999", b'"\\u0000"', b'{"\\u0000": 1}', b"NaN", b"[-Infinity]"])
def test_a_free_document_holds_nothing_that_a_database_refuses(odd: bytes) -> None:
    value = encode(rules({"a": {"b": "HERE"}})).replace(b'"HERE"', odd)
    with pytest.raises(EventRefused) as caught:
        decode(value)
    assert caught.value.reason in {Reason.INVALID_FIELD, Reason.NOT_JSON}


@pytest.mark.parametrize("odd", [float("inf"), "\x00", {"\x00": 1}])
def test_and_is_not_built_with_it_either(odd: Any) -> None:
    with pytest.raises(ValidationError):
        rules({"a": [odd]})


def test_the_words_nan_and_infinity_are_fine_in_texts() -> None:
    document: dict[str, Any] = {"note": "NaN, Infinity and -Infinity"}
    event = decode(encode(rules(document)))
    assert isinstance(event, RulesLoaded)
    assert event.data.document == document


def test_an_event_above_one_mebibyte_is_neither_sent_nor_read() -> None:
    with pytest.raises(EventRefused) as caught:
        encode(rules({"a": "x" * MAX_EVENT_BYTES}))
    assert caught.value.reason is Reason.TOO_LARGE
    for read in (decode, lambda value: decode_metric(value, MetricReader())):
        with pytest.raises(EventRefused) as caught:
            read(b" " * (MAX_EVENT_BYTES + 1))
        assert caught.value.reason is Reason.TOO_LARGE


def test_a_refusal_counts_what_else_is_wrong() -> None:
    with pytest.raises(EventRefused, match=r"^id: .*\(and 2 more\)$"):
        decode(orjson.dumps(TICK | {"id": "x", "subject": "X", "time": "x"}))


def test_a_sequence_rule_names_the_field() -> None:
    with pytest.raises(EventRefused, match=r"^sequence: events of /streams/clock carry no sequence$"):
        decode(orjson.dumps(TICK | {"sequence": 4}))


# A made-up past: the period of a tick once had another name.
def _tick_to_v1(document: Document) -> Document:
    return document | {"type": "infrastructor.clock.ticked.v1", "data": {"period_seconds": document["data"]["seconds"]}}


OLD = {"infrastructor.clock.ticked.v0": _tick_to_v1}


def test_an_earlier_major_is_brought_up_when_read() -> None:
    old = TICK | {"type": "infrastructor.clock.ticked.v0", "data": {"seconds": 5.0, "gone": 1}}
    assert decode(orjson.dumps(old), OLD) == tick()
    with pytest.raises(EventRefused) as caught:
        decode(orjson.dumps(old))
    assert caught.value.reason is Reason.UNKNOWN_TYPE


def test_an_earlier_major_goes_up_one_by_one() -> None:
    steps = {
        "made.up.v1": lambda document: document | {"type": "made.up.v2", "b": document["a"] + 1},
        "made.up.v2": lambda document: document | {"type": "made.up.v3", "c": document["b"] + 1},
    }
    first = {"type": "made.up.v1", "a": 1}
    assert upcast(first, steps) == {"type": "made.up.v3", "a": 1, "b": 2, "c": 3}
    assert first == {"type": "made.up.v1", "a": 1}
    assert next_major("made.up.v9") == "made.up.v10"


def test_an_upcaster_that_does_not_lead_to_the_next_major_is_found() -> None:
    with pytest.raises(ValueError, match=r"not to made\.up\.v2"):
        upcast({"type": "made.up.v1"}, {"made.up.v1": lambda document: document})
    with pytest.raises(ValueError, match="does not end in a major"):
        upcast({"type": "made.up"}, {"made.up": lambda document: document})


@pytest.mark.parametrize("data", [None, {}, [], {"seconds": "x"}, {"seconds": None}])
def test_a_malformed_document_of_an_earlier_major_is_refused(data: Any) -> None:
    with pytest.raises(EventRefused) as caught:
        decode(orjson.dumps(TICK | {"type": "infrastructor.clock.ticked.v0", "data": data}), OLD)
    assert caught.value.reason is Reason.INVALID_FIELD


def test_what_is_current_is_not_looked_up() -> None:
    def never(_: Document) -> Document:
        raise AssertionError

    assert decode(orjson.dumps(TICK), {"infrastructor.clock.ticked.v1": never}) == tick()


def test_the_table_of_upcasters_leads_to_types_there_are() -> None:
    current = {model.TYPE for model in TOPICS}
    for kind in UPCASTERS:
        assert kind not in current
        newer = next_major(kind)
        assert newer in current or newer in UPCASTERS


def test_a_metric_that_takes_the_long_way_is_a_look_too() -> None:
    value = (
        b'{"id":"0192f401-7a01-7101-8001-a1b2c3d4e501","source":"/sinks/x","subject":"nas","time":"2026-11-21T02:00:00Z",'
        b'"type":"infrastructor.metric.collected.v1","new":1e999,'
        b'"data":{"collector":"c","samples":[{"name":"a","value":1,"unit":"1"}]}}'
    )
    assert isinstance(decode_metric(value, MetricReader()), MetricLook)
