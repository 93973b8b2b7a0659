"""metric.collected read in place and read by the model: the same documents are taken, with the same content."""

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemas.codec import decode, decode_metric
from schemas.metric import MAX_SAMPLES, MetricCollected
from schemas.metric_look import MetricLook, MetricReader
from schemas.refusal import EventRefused
from schemas.registry import Event
from tests.unit.schemas.json_texts import (
    ODD_NUMBERS,
    ODD_TEXTS,
    ODD_TOKENS,
    ODD_VALUES,
    Token,
    Twice,
    mutated,
    nested,
    nested_objects,
    paths,
    written,
)

EPOCH = "0192f3a1-6c00-7a10-9f2e-5b1c3d4e5f60"


def look(**changes: Any) -> dict[str, Any]:
    """A valid document of two samples."""
    samples = [
        {"name": "system.cpu.utilization", "value": 0.25, "unit": "1", "labels": {"cpu.mode": "user", "cpu": "0"}},
        {"name": "system.processes.count", "value": 212, "unit": "{process}"},
    ]
    document = {
        "specversion": "1.0",
        "id": "0192f401-7a01-7101-8001-a1b2c3d4e501",
        "source": f"/agents/nas/{EPOCH}/system",
        "subject": "nas",
        "time": "2026-11-21T02:00:01.5Z",
        "datacontenttype": "application/json",
        "sequence": 7,
        "correlationid": "0192f400-0000-7000-8000-0000000000aa",
        "type": "infrastructor.metric.collected.v1",
        "data": {"collector": "system", "interval_seconds": 10, "samples": samples},
    }
    return document | changes


numbers = st.one_of(st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False))
samples = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.from_regex(r"[a-z]{1,3}(\.[a-z0-9_]{1,3}){0,2}", fullmatch=True),
            "value": numbers,
            "unit": st.sampled_from(["1", "By", "s", "{process}", "Cel"]),
        },
        optional={
            "labels": st.dictionaries(
                st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_.]{0,4}", fullmatch=True),
                st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=6),
                max_size=3,
            )
        },
    ),
    min_size=1,
    max_size=4,
)
documents = st.builds(
    lambda samples, interval, optional: {
        **{name: value for name, value in look().items() if name not in optional},
        "data": {"collector": "system", "interval_seconds": interval, "samples": samples},
    },
    samples,
    st.none() | st.floats(0.001, 1e6),
    st.sets(st.sampled_from(["specversion", "datacontenttype", "correlationid"])),
)

Content = tuple[Any, ...]


def content(event: Event | MetricLook) -> Content | Event:
    """What both ways must agree on."""
    head = (event.id, event.source, event.subject, event.time, event.sequence, event.correlationid, event.causationid)
    match event:
        case MetricLook():
            series = [(one.name, one.unit, one.labels) for one in event.series]
            return (*head, event.collector, event.interval_seconds, series, [*map(_number, event.values)])
        case MetricCollected(data=data):
            series = [(one.name, one.unit, tuple(sorted(one.labels.items()))) for one in data.samples]
            values = [_number(one.value) for one in data.samples]
            return (*head, data.collector, data.interval_seconds, series, values)
        case _:
            return event


def _number(value: float) -> tuple[type, float, float]:
    return type(value), value, math.copysign(1, value) if value else 0.0


def by_model(value: bytes) -> Content | Event | None:
    try:
        return content(decode(value))
    except EventRefused:
        return None


def in_place(value: bytes, reader: MetricReader) -> Content | Event | None:
    try:
        return content(decode_metric(value, reader))
    except EventRefused:
        return None


def primed(value: bytes, *, times: int = 1) -> MetricReader:
    """A reader that has seen the document before: once, so that it knows its series; twice, and it knows its bytes."""
    reader = MetricReader()
    for _ in range(times):
        in_place(value, reader)
    return reader


def agree(value: bytes, *, before: bytes = b"") -> bool:
    """Assert that all ways agree; return whether they took it."""
    expected = by_model(value)
    assert in_place(value, MetricReader()) == expected
    assert in_place(value, primed(value)) == expected
    assert in_place(value, primed(before)) == expected
    for known in (value, before):
        reader = primed(known, times=2)
        assert in_place(value, reader) == expected
        assert in_place(value, reader) == expected
        assert in_place(before, reader) == by_model(before)
    return expected is not None


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated(documents))
@example((look(), look(id="0192f401-7a01-7101-8001-a1b2c3d4e501\n")))
@example((look(), look(subject="nas\n")))
def test_what_one_way_takes_the_other_takes_too(pair: tuple[dict[str, Any], Any]) -> None:
    before, changed = pair
    agree(written(changed), before=written(before))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=64) | st.text(max_size=64).map(str.encode))
def test_bytes_that_are_no_event_are_refused_by_both(value: bytes) -> None:
    assert not agree(value)


@settings(max_examples=200, deadline=None)
@given(documents, st.data())
def test_a_text_that_is_cut_or_has_a_byte_changed_is_taken_by_both_or_none(document: Any, data: st.DataObject) -> None:
    value = bytearray(written(document))
    place = data.draw(st.integers(0, len(value) - 1))
    if data.draw(st.booleans()):
        value[place] = data.draw(st.integers(0, 255))
    else:
        del value[place:]
    agree(bytes(value), before=written(document))


def test_every_place_with_every_odd_value() -> None:
    """No chance: each place of a document, replaced by each odd value, and by its own text spoiled."""
    base = written(look())
    taken = 0
    for path in paths(look())[1:]:
        for odd in [*ODD_VALUES, *ODD_NUMBERS, *ODD_TEXTS, *ODD_TOKENS]:
            document = look()
            owner: Any = document
            for step in path[:-1]:
                owner = owner[step]
            old = owner[path[-1]]
            owner[path[-1]] = odd
            taken += agree(written(document), before=base)
            if isinstance(old, str):
                for spoiled in (old + "\n", old + " ", "\n" + old):
                    owner[path[-1]] = spoiled
                    agree(written(document), before=base)
    assert taken > 100


def test_every_place_with_an_unknown_field_of_every_kind() -> None:
    for extra in [*ODD_VALUES, *ODD_NUMBERS, *ODD_TEXTS, *ODD_TOKENS]:
        sample = {"name": "a", "value": 1, "unit": "1", "new": extra}
        within = {"collector": "system", "samples": [{"name": "a", "value": 1, "unit": "1"}], "new": extra}
        for document in (look(new=extra), look(data=within), look(data={"collector": "c", "samples": [sample]})):
            agree(written(document), before=written(look()))


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        pytest.param(look(), True, id="valid"),
        pytest.param(look(new={"a": [1]}), True, id="unknown field"),
        pytest.param(look(new=Token("1e999")), True, id="number beyond a double in an unknown field"),
        pytest.param(look(new=Token("NaN")), False, id="NaN in an unknown field"),
        pytest.param(look(new="NaN"), True, id="the word NaN in an unknown field"),
        pytest.param(look(new=nested(199)), True, id="199 levels in the envelope"),
        pytest.param(look(new=nested(200)), False, id="200 levels in the envelope"),
        pytest.param(look(new=nested_objects(199)), True, id="199 levels of objects"),
        pytest.param(look(new=nested_objects(200)), False, id="200 levels of objects"),
        pytest.param(Twice(look(), "new", nested(200)), False, id="200 levels in a field that stands there twice"),
        pytest.param(Twice(look(), "data", nested(199)), True, id="199 levels in data that stands there twice"),
        pytest.param(look(new=["[" * 500 + "{" * 500]), True, id="brackets in a text"),
        pytest.param(look(subject="nas\n"), False, id="newline after the subject"),
        pytest.param(look(source=f"/agents/nas/{EPOCH}/system\n"), False, id="newline after the source"),
        pytest.param(look(sequence=None), False, id="an agent without a sequence"),
        pytest.param(look(source="/sinks/x", sequence=None), True, id="a sink without a sequence"),
        pytest.param(look(source="/sinks/x"), False, id="a sink with a sequence"),
        pytest.param(look(source="/streams/x"), True, id="a derivation with a sequence"),
        pytest.param(look(sequence=True), False, id="true for a sequence"),
        pytest.param(look(sequence=1.0), False, id="a float for a sequence"),
        pytest.param(look(sequence=2**31), False, id="a sequence beyond 32 bits"),
        pytest.param(look(correlationid=None), True, id="null for an optional field"),
        pytest.param(look(specversion=None), False, id="null for a field with a default"),
        pytest.param(look(time="2026-11-21T02:00:01"), False, id="naive time"),
        pytest.param(look(time=1763690401), False, id="a number for a time"),
        pytest.param(look(type="infrastructor.metric.collected.v2"), False, id="unknown type"),
        pytest.param(Twice(look(), "type", "x"), True, id="two types, the last counts"),
        pytest.param(Twice({"type": "x"}, "type", look()["type"]), False, id="two types, the last is unknown"),
    ],
)
def test_what_is_taken(value: Any, taken: bool) -> None:
    assert agree(written(value)) is taken


def _with(*samples: dict[str, Any]) -> bytes:
    return written(look(data={"collector": "system", "samples": list(samples)}))


def _sample(value: Any, **labels: str) -> dict[str, Any]:
    return {"name": "a.b", "value": value, "unit": "1", "labels": labels}


def test_a_series_that_occurs_twice_is_refused_whatever_the_order_of_its_labels() -> None:
    assert agree(_with(_sample(1, a="x", b="y"), _sample(2, a="x", b="z")))
    assert not agree(_with(_sample(1, a="x", b="y"), _sample(2, b="y", a="x")))
    assert not agree(_with(_sample(1), {"name": "a.b", "value": 2, "unit": "By"}))


def test_values_near_the_largest_double_are_taken() -> None:
    largest = 1.7976931348623157e308
    assert agree(_with(_sample(largest, a="1"), _sample(largest, a="2"), _sample(-largest, a="3")))


@pytest.mark.parametrize("value", [Token("1e999"), Token("9" * 310), Token("NaN"), True, "1", None, [1]])
def test_a_value_that_is_no_finite_number_is_refused(value: Any) -> None:
    assert not agree(_with(_sample(value)))


def test_the_bounds_of_a_look() -> None:
    many = [_sample(1, n=str(index)) for index in range(MAX_SAMPLES)]
    assert agree(_with(*many))
    assert not agree(_with(*many, _sample(1, n="more")))
    assert not agree(_with())
    labels = {f"l{index}": "" for index in range(32)}
    assert agree(_with(_sample(1, **labels)))
    assert not agree(_with(_sample(1, **labels, more="")))
    assert agree(_with(_sample(1, a="é" * 1024)))
    assert not agree(_with(_sample(1, a="é" * 1025)))
    assert not agree(_with(_sample(1, a="\x00")))
    assert agree(_with({"name": "a" * 255, "value": 1, "unit": "!" * 63}))
    assert not agree(_with({"name": "a" * 256, "value": 1, "unit": "1"}))
    assert not agree(_with({"name": "a", "value": 1, "unit": "!" * 64}))


NEW = {"sequence": 8, "id": "0192f401-7a01-7101-8001-a1b2c3d4e502", "time": "2026-11-21T02:00:11+01:00"}


def _values(*values: Any, **changes: Any) -> bytes:
    """The base document with other values."""
    document = look(**changes)
    for sample, value in zip(document["data"]["samples"], values, strict=True):
        sample["value"] = value
    return written(document)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(_values(1, 2), id="same envelope"),
        pytest.param(_values(-1.5e300, 5e-324, **NEW), id="another envelope"),
        pytest.param(_values(Token(" 7 "), Token("-0.0")), id="white space around a value"),
        pytest.param(written({"new": {"samples": [1], "value": 3}, **look()}), id="an unknown field before data"),
    ],
)
def test_a_look_that_differs_in_envelope_and_values_is_known_by_its_bytes(value: bytes) -> None:
    reader = primed(written(look()), times=2)
    found = reader.read_alike(value)
    assert found is not None
    assert content(found) == by_model(value)


_DATA = look()["data"]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(_values(1, Token('2,"unit":"1"},{"name":"x.y","value":3')), id="a sample inside a value"),
        pytest.param(_values(Token("[1"), Token("2]")), id="a list over two values"),
        pytest.param(_values(Token('{"a":1}'), 2), id="an object for a value"),
        pytest.param(_values("1", 2), id="a text for a value"),
        pytest.param(_values(None, 2), id="null for a value"),
        pytest.param(_values(Token(""), 2), id="no value"),
        pytest.param(_values(1, Token("01")), id="no JSON number"),
        pytest.param(_values(1, Token("1e999")), id="beyond a double"),
        pytest.param(written(look() | {"after": 1}), id="an unknown field after data"),
        pytest.param(written(look(subject="other")), id="another subject"),
        pytest.param(written({**look(), "subject": ["nas"]}), id="a list for a subject"),
        pytest.param(written({"data": _DATA, **{k: v for k, v in look().items() if k != "data"}}), id="data first"),
        pytest.param(written(Twice(look(), "data", _DATA)), id="data twice"),
        pytest.param(written(look(data=Twice(_DATA, "samples", [1]))), id="samples twice"),
        pytest.param(written(look(data={**_DATA, "interval_seconds": -1})), id="a negative interval"),
        pytest.param(written(look(new=nested(200))), id="200 levels"),
        pytest.param(written(look(specversion="2.0")), id="another specversion"),
    ],
)
def test_a_look_that_differs_in_more_is_read_as_a_whole(value: bytes) -> None:
    assert primed(written(look()), times=2).read_alike(value) is None
    agree(value, before=written(look()))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(look() | {"after": 1}, id="a field after data"),
        pytest.param(look(data={**_DATA, "after": 1}), id="a field after the samples"),
        pytest.param(
            look(data={"collector": "c", "samples": [_DATA["samples"][0] | {"new": {"value": 1}}]}), id="value"
        ),
        pytest.param(
            look(data={"collector": "c", "samples": [{"name": "a", "unit": "1", "value": 1}]}), id="value last"
        ),
    ],
)
def test_a_look_that_is_written_otherwise_is_never_known_by_its_bytes(document: dict[str, Any]) -> None:
    value = written(document)
    assert by_model(value) is not None
    assert primed(value, times=4).read_alike(value) is None
    agree(value)


def test_a_reader_forgets_the_oldest_shapes_and_still_reads_the_same() -> None:
    reader = MetricReader(most_devices=2, most_series=2)
    for subject in ("a", "b", "c", "a", "b", "c"):
        value = written(look(subject=subject))
        assert in_place(value, reader) == by_model(value)


def test_series_that_are_the_same_are_the_same_object() -> None:
    reader = MetricReader()
    first, second = (decode_metric(written(look(subject=subject)), reader) for subject in ("a", "b"))
    assert isinstance(first, MetricLook)
    assert isinstance(second, MetricLook)
    assert first.series[0] is second.series[0]
    assert first.series[0].key == 'system.cpu.utilization{cpu="0",cpu.mode="user"}'
    assert first.series[1].key == "system.processes.count"
