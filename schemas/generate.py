"""The published form of the schemas: a JSON Schema for each event type, and one AsyncAPI document for the topics.

Sources of the formats: JSON Schema draft 2020-12, AsyncAPI 3.0.0 with its Kafka bindings 0.5.0. Everything here is a
pure function of the registry; what it returns is kept under version control in `schemas/json/`.
"""

import json
from typing import Any

from schemas.envelope import Envelope
from schemas.fields import SUBJECT_PATTERN
from schemas.headers import CAUSE_APPENDED, CLOUDEVENTS_JSON, CONTENT_TYPE, REDRIVE_FOR, SENT
from schemas.registry import (
    ALERTS,
    COLLECTIONS,
    DEAD_LETTERS,
    DEVICES,
    METRICS,
    NOTIFICATIONS,
    OBSERVATIONS,
    STATUS,
    TOPICS,
    TYPES_IN,
)

JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
ASYNCAPI_FILE = "asyncapi.json"
VERSION = "1.0.0"
"""Of the whole catalog: the middle number is raised when types or optional fields are added."""

_PURPOSES = {
    METRICS: "The samples of every look at a device.",
    OBSERVATIONS: "What was observed of containers, drives, pools, services, links, packages and configuration files.",
    COLLECTIONS: "Each look, done or failed, devices that register or change, and gaps.",
    DEVICES: "The inventory: one whole record a device, compacted.",
    STATUS: "What changed, as derived from what was observed.",
    ALERTS: "Alerts and maintenance, in one order over all devices.",
    NOTIFICATIONS: "What is to be told to whom, what is not and why, and what was delivered.",
    DEAD_LETTERS: "What could not be processed, as it came, with origin, consumer, reason and attempts in the headers.",
}

_Json = dict[str, Any]


def generate() -> dict[str, bytes]:
    """Every file of `schemas/json/` by name, as it should be stored."""
    files = {schema_file(model): _stored(json_schema(model)) for model in TOPICS}
    files[ASYNCAPI_FILE] = _stored(asyncapi())
    return files


def schema_file(model: type[Envelope]) -> str:
    """The file name of an event type's JSON Schema."""
    return f"{model.TYPE}.json"


def json_schema(model: type[Envelope]) -> _Json:
    """What a document of this type looks like on the wire; other fields are allowed, since a minor change adds some."""
    schema = _open(model.model_json_schema(mode="validation"))
    schema["required"] = ["specversion", "type", *schema["required"]]
    return {"$schema": JSON_SCHEMA, "$id": f"urn:infrastructor:schema:{model.TYPE}", **schema}


def asyncapi() -> _Json:
    """The topics as channels, the event types as messages, reading and writing as operations."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Infrastructor",
            "version": VERSION,
            "description": (
                "Events about machines in Kafka. Each record's value is one CloudEvents 1.0 document in structured "
                "mode, its key is the event's subject. Read with unknown fields ignored: a minor change adds optional "
                "fields, a major change is a new type that ends in the next .vN."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": CLOUDEVENTS_JSON.decode(),
        "channels": {topic: _channel(topic) for topic in _PURPOSES},
        "operations": dict(entry for topic in _PURPOSES for entry in _operations(topic)),
        "components": {
            "messages": {model.TYPE: _message(model) for model in TOPICS} | {"dead-letter": _dead_letter()},
            "messageTraits": {"record": _record_trait()},
        },
    }


def _types_in(topic: str) -> list[str]:
    return sorted(TYPES_IN[topic]) if topic in TYPES_IN else ["dead-letter"]


def _channel(topic: str) -> _Json:
    return {
        "address": topic,
        "title": topic,
        "description": _PURPOSES[topic],
        "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in _types_in(topic)},
        "bindings": {"kafka": {"topic": topic, "bindingVersion": "0.5.0"}},
    }


def _operations(topic: str) -> list[tuple[str, _Json]]:
    messages = [{"$ref": f"#/channels/{topic}/messages/{kind}"} for kind in _types_in(topic)]
    channel = {"$ref": f"#/channels/{topic}"}
    return [
        (f"send.{topic}", {"action": "send", "channel": channel, "messages": messages}),
        (f"receive.{topic}", {"action": "receive", "channel": channel, "messages": messages}),
    ]


def _message(model: type[Envelope]) -> _Json:
    return {
        "name": model.TYPE,
        "title": model.__name__,
        "summary": (model.__doc__ or "").strip().splitlines()[0],
        "contentType": CLOUDEVENTS_JSON.decode(),
        "correlationId": {"location": "$message.payload#/correlationid"},
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": f"./{schema_file(model)}"}},
        "bindings": {
            "kafka": {"key": {"type": "string", "pattern": SUBJECT_PATTERN}, "bindingVersion": "0.5.0"},
        },
        "traits": [{"$ref": "#/components/messageTraits/record"}],
        "x-example": f"../examples/{schema_file(model)}",
    }


def _record_trait() -> _Json:
    milliseconds = {"type": "string", "pattern": "^[0-9]{1,18}$"}
    return {
        "headers": {
            "type": "object",
            "properties": {
                CONTENT_TYPE: {"const": CLOUDEVENTS_JSON.decode()},
                SENT: milliseconds | {"description": "The sender's clock when it sent this, ms since 1970."},
                CAUSE_APPENDED: milliseconds | {"description": "Of a derived event: when its cause was appended."},
                REDRIVE_FOR: {"type": "string", "description": "The one consumer that takes a redriven record."},
            },
        }
    }


def _dead_letter() -> _Json:
    return {
        "name": "dead-letter",
        "title": "DeadLetter",
        "summary": "The original key and bytes; what became of them is in the headers that begin with dl-.",
        "contentType": "application/octet-stream",
        "payload": {},
    }


def _open(schema: Any) -> Any:
    """The schema without `additionalProperties: false`, which holds for building an event, not for reading one.

    The titles that pydantic makes up from the fields' names go too.
    """
    if isinstance(schema, list):
        return [_open(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made_up = isinstance(schema.get("title"), str) and "properties" not in schema
    return {
        name: _open(value)
        for name, value in schema.items()
        if not (name == "additionalProperties" and value is False) and not (name == "title" and made_up)
    }


def _stored(document: _Json) -> bytes:
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"
