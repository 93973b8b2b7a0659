"""What is published: schemas and examples under version control, as others read them."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from click.testing import CliRunner
from cloudevents.core.bindings.kafka import KafkaMessage, from_structured
from cloudevents.core.formats.json import JSONFormat

import schemas
from cli.schemas import schemas as command
from schemas.codec import decode, encode
from schemas.envelope import Envelope
from schemas.generate import ASYNCAPI_FILE, asyncapi, generate, json_schema
from schemas.headers import event_headers
from schemas.metric_look import MetricLook
from schemas.record import RawRecord, RecordReader
from schemas.registry import DEAD_LETTERS, TOPICS, TYPES_IN
from tests.unit.schemas.shapes import Shapes, broken, shapes

FOLDER = Path(schemas.__file__).parent
FROZEN = Path(__file__).with_name("frozen_shapes.json")
"""What each type's documents looked like when they were first published; see the test at the end."""

EXAMPLES = sorted((FOLDER / "examples").glob("*.json"))
"""One a type, and those kept of earlier versions, as `<type>.<what was different>.json`."""

CURRENT = [path for path in EXAMPLES if path.stem in {model.TYPE for model in TOPICS}]
MODELS = sorted(TOPICS, key=lambda model: model.TYPE)

Json = dict[str, Any]


def example(path: Path) -> Json:
    found: Json = json.loads(path.read_text())
    return found


def named(path: Path) -> str:
    return path.stem


def test_what_is_stored_is_what_the_models_say() -> None:
    stored = {path.name: path.read_bytes() for path in (FOLDER / "json").iterdir()}
    assert stored == generate(), "run `infrastructor schemas generate` and look at what changed"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.TYPE)
def test_every_type_has_an_example_and_a_valid_schema(model: type[Envelope]) -> None:
    assert FOLDER / "examples" / f"{model.TYPE}.json" in EXAMPLES
    jsonschema.Draft202012Validator.check_schema(json_schema(model))
    assert model.model_fields["type"].default == model.TYPE
    assert model.TYPE.startswith("infrastructor.")
    assert TOPICS[model]


@pytest.mark.parametrize("path", EXAMPLES, ids=named)
def test_every_example_is_read_and_comes_back_the_same(path: Path) -> None:
    event = decode(path.read_bytes())
    if event.type == path.stem:  # else it is of an earlier major, and was brought up
        assert orjson.loads(encode(event)) == example(path)
    assert decode(encode(event)) == event


@pytest.mark.parametrize("path", CURRENT, ids=named)
def test_every_example_fits_its_schema(path: Path) -> None:
    schema = json.loads((FOLDER / "json" / path.name).read_text())
    checker = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    assert [error.message for error in checker.iter_errors(example(path))] == []
    assert [error.message for error in checker.iter_errors(example(path) | {"new": 1})] == []
    for name in ("id", "source", "type", "specversion", "subject", "time", "data"):
        assert not checker.is_valid({key: value for key, value in example(path).items() if key != name}), name


@pytest.mark.parametrize("path", CURRENT, ids=named)
def test_the_cloudevents_sdk_reads_every_example(path: Path) -> None:
    ours = decode(path.read_bytes())
    headers = dict(event_headers(sent_ms=1))
    theirs = from_structured(KafkaMessage(headers, ours.subject, encode(ours)), JSONFormat())
    assert theirs.get_specversion() == "1.0"
    assert (theirs.get_id(), theirs.get_source(), theirs.get_type()) == (str(ours.id), ours.source, ours.type)
    assert (theirs.get_subject(), theirs.get_time()) == (ours.subject, ours.time)
    assert theirs.get_datacontenttype() == "application/json"
    assert theirs.get_extension("sequence") == ours.sequence
    assert theirs.get_extension("correlationid") == (str(ours.correlationid) if ours.correlationid else None)
    assert theirs.get_extension("causationid") == (str(ours.causationid) if ours.causationid else None)
    assert theirs.get_data() == example(path)["data"]


@pytest.mark.parametrize("path", EXAMPLES, ids=named)
def test_every_example_is_read_from_each_of_its_topics(path: Path) -> None:
    event = decode(path.read_bytes())
    appended_ms = int(event.time.timestamp() * 1000) + 7
    for topic in (topic for topic, types in TYPES_IN.items() if event.type in types):
        key, headers = event.subject.encode(), tuple(event_headers(sent_ms=1))
        record = RecordReader().read(RawRecord(topic, 0, 1, appended_ms, key, path.read_bytes(), headers))
        assert record.event == event or isinstance(record.event, MetricLook)


def test_an_example_of_a_derived_event_names_its_cause() -> None:
    for path in EXAMPLES:
        document = example(path)
        if document["source"].startswith("/streams/") and "sequence" in document:
            assert document["causationid"], path.name
            assert document["id"][14] == "5", path.name


# The AsyncAPI document, by the rules of AsyncAPI 3.0.0 (no meta-schema is fetched for it).


def resolved(document: Json, pointer: str) -> Any:
    """What a local reference points to; channels and types hold no `/` or `~`, so nothing is escaped."""
    assert pointer.startswith("#/")
    found: Any = document
    for step in pointer[2:].split("/"):
        found = found[step]
    return found


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for each in value.values() for found in references(each)]
    return [found for each in value for found in references(each)] if isinstance(value, list) else []


def test_the_asyncapi_document_has_every_topic_and_type() -> None:
    document = asyncapi()
    assert set(document["channels"]) == {*TYPES_IN, DEAD_LETTERS}
    for topic, types in TYPES_IN.items():
        channel = document["channels"][topic]
        assert channel["address"] == topic
        assert set(channel["messages"]) == types
    assert set(document["components"]["messages"]) == {model.TYPE for model in TOPICS} | {"dead-letter"}
    assert {operation["action"] for operation in document["operations"].values()} == {"send", "receive"}
    sent = [one["channel"]["$ref"] for one in document["operations"].values() if one["action"] == "send"]
    assert sorted(sent) == sorted(f"#/channels/{topic}" for topic in document["channels"])


def test_the_asyncapi_document_is_well_formed() -> None:
    document = asyncapi()
    assert document["asyncapi"] == "3.0.0"
    assert set(document) == {"asyncapi", "info", "defaultContentType", "channels", "operations", "components"}
    assert {"title", "version"} <= set(document["info"])
    for reference in references(document):
        if reference.startswith("#"):
            assert resolved(document, reference), reference
        else:
            assert (FOLDER / "json" / reference).is_file(), reference
    for operation in document["operations"].values():
        channel = operation["channel"]["$ref"]
        # Specification: an operation's messages are references to messages of its channel.
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"])
    for message in document["components"]["messages"].values():
        known = {
            "payload",
            "correlationId",
            "contentType",
            "name",
            "title",
            "summary",
            "bindings",
            "traits",
            "x-example",
        }
        assert set(message) <= known | {"x-example"}
        if "x-example" in message:
            assert (FOLDER / "json" / message["x-example"]).is_file()
            assert set(message["payload"]) == {"schemaFormat", "schema"}
    assert json.loads((FOLDER / "json" / ASYNCAPI_FILE).read_text()) == document


# The command.


def test_generate_writes_what_check_then_finds_in_order(tmp_path: Path) -> None:
    run = CliRunner()
    missing = run.invoke(command, ["check", "--folder", str(tmp_path)])
    assert missing.exit_code == 1
    assert "asyncapi.json is missing" in missing.output
    assert run.invoke(command, ["generate", "--folder", str(tmp_path)]).exit_code == 0
    assert run.invoke(command, ["check", "--folder", str(tmp_path)]).exit_code == 0
    (tmp_path / "old.json").write_text("{}")
    (tmp_path / ASYNCAPI_FILE).write_text("{}")
    stale = run.invoke(command, ["check", "--folder", str(tmp_path)])
    assert stale.exit_code == 1
    assert "asyncapi.json differs" in stale.output
    assert "old.json is of no event type" in stale.output
    assert "removed old.json" in run.invoke(command, ["generate", "--folder", str(tmp_path)]).output
    assert run.invoke(command, ["check", "--folder", str(tmp_path)]).exit_code == 0


# Compatibility within a major.


def test_no_change_within_a_major_breaks_what_was_published() -> None:
    """`frozen_shapes.json` is written once a type; a minor change may add to it, and never edits what stands there."""
    frozen: dict[str, Shapes] = json.loads(FROZEN.read_text())
    now = {model.TYPE: shapes(json_schema(model)) for model in TOPICS}
    assert set(now) <= set(frozen), "a new type: add its shapes, as `shapes(json_schema(model))` gives them"
    gone = set(frozen) - set(now)
    assert all((FOLDER / "examples" / f"{kind}.json") in EXAMPLES for kind in gone), "keep examples of earlier majors"
    assert {kind: broken(frozen[kind], now[kind]) for kind in now} == {kind: [] for kind in now}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"b": {"required": True, "types": ["string"]}}, "b is required now"),
        ({"a": {"required": True, "types": ["string"]}}, "a is required now"),
        ({"a": {"required": False, "types": ["integer"]}}, "a was ['string'] and is ['integer']"),
        ({"a": {"required": False, "types": ["string"], "enum": ["x"]}}, "a no longer takes what it took"),
        ({"e": {"required": False, "types": ["string"], "enum": ["x"]}}, "e no longer takes what it took"),
        ({"a": None}, "a is gone"),
        ({"b": {"required": False, "types": ["string"]}}, None),
        ({"a": {"required": False, "types": ["null", "string"]}}, None),
        ({"e": {"required": False, "types": ["string"], "enum": ["x", "y", "z"]}}, None),
        ({"n": {"required": False, "types": ["number"]}}, None),
        ({"o": {"required": False, "types": ["object"]}, "o.p": {"required": True, "types": ["string"]}}, None),
    ],
)
def test_what_counts_as_breaking(change: Shapes, complaint: str | None) -> None:
    before: Shapes = {
        "a": {"required": False, "types": ["string"]},
        "e": {"required": False, "types": ["string"], "enum": ["x", "y"]},
        "n": {"required": False, "types": ["integer"]},
    }
    now = {place: shape for place, shape in (before | change).items() if shape is not None}
    assert broken(before, now) == ([complaint] if complaint else [])
