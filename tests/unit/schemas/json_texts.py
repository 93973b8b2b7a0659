"""JSON texts for tests: documents with tokens that no serialiser would write, and mutations of a document."""

import copy
import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """Characters put into the text as they are."""

    text: str


@dataclass(frozen=True, slots=True)
class Twice:
    """An object whose key stands there twice: first with `first`, then as in `value`."""

    value: Any
    key: str
    first: Any


def nested(levels: int, *, innermost: str = "1") -> Token:
    return Token("[" * levels + innermost + "]" * levels)


def nested_objects(levels: int) -> Token:
    return Token('{"a":' * levels + "{}" + "}" * levels)


def written(value: Any) -> bytes:
    """The document as JSON text, tokens and repeated keys included."""
    return _text(value).encode("utf-8", "surrogatepass")


def _text(value: Any) -> str:
    match value:
        case Token(text):
            return text
        case Twice(inner, key, first):
            return "{" + f"{json.dumps(key)}:{_text(first)}," + _text(inner)[1:]
        case dict():
            return "{" + ",".join(f"{json.dumps(str(name))}:{_text(each)}" for name, each in value.items()) + "}"
        case list():
            return "[" + ",".join(map(_text, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


ODD_TOKENS = [
    *(Token(text) for text in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 320, "9" * 5000, "1e-999")),
    *(Token(text) for text in ("-0", "-0.0", "1E5", "01", "+1", ".5", "1.", "'x'", "nul", "")),
    *(Token(text) for text in ('"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"\\x"', '"\t"')),
    *(nested(levels) for levels in (150, 195, 196, 197, 198, 199, 200, 201, 1100)),
    *(nested(levels, innermost="") for levels in (196, 197, 198, 199, 200, 201)),
    *(nested_objects(levels) for levels in (195, 196, 197, 198, 199, 200)),
]
ODD_NUMBERS = [0, 1, -1, 1.5, -2.25, 2**31 - 1, 2**31, 2**53 + 1, 2**63, 2**64 - 1, 2**64, 10**30, 1e308, 5e-324]
ODD_VALUES: list[Any] = [True, False, None, "", "x", "1", "NaN", [], {}, [1], {"a": 1}, ["value"], {"value": 1}, [[]]]
ODD_TEXTS = [
    "2026-01-01T00:00:00",
    "2026-01-01T00:00:00z",
    "2026-01-01t00:00:00.123456789+05:30",
    "2026-01-01 00:00:00Z",
    "2026-01-01T00:00:00+25:00",
    "2026-02-30T00:00:00Z",
    "2026-01-01T23:59:60Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:00Z",
    "20260101T000000Z",
    "2026-W01-1T00:00:00Z",
    "9999-12-31T23:59:59-01:00",
    "0001-01-01T00:00:00+01:00",
    "٢\u0660٢٦-01-01T00:00:00Z",
    "0192f3a1-6c00-7a10-9f2e-5b1c3d4e5f60",
    "0192F3A1-6C00-7A10-9F2E-5B1C3D4E5F60",
    "{0192f3a1-6c00-7a10-9f2e-5b1c3d4e5f60}",
    "urn:uuid:0192f3a1-6c00-7a10-9f2e-5b1c3d4e5f60",
    "0192f3a16c007a109f2e5b1c3d4e5f60",
    "\u0660192f3a1-6c00-7a10-9f2e-5b1c3d4e5f60",
    "/streams/clock",
    "/streams/rules",
    "/streams/device_status",
    "/streams/clock2",
    "/sinks/timescale",
    "/operators/ada",
    "/agents/nas/0192F3A1-6C00-7A10-9F2E-5B1C3D4E5F60/system",
    "/agents/nas/system",
    "_fleet",
    "_partition-3",
    "_partition-123456",
    "NAS",
    "a" * 64,
    "a" * 300,
    "a" * 1025,
    "infrastructor.clock.ticked.v1",
    "infrastructor.metric.collected.v2",
    "application/cloudevents+json",
    "1.1",
    "\x00",
    "é" * 1024,
    "😀" * 1024,
]
KNOWN_NAMES = [
    "value",
    "labels",
    "unit",
    "name",
    "sequence",
    "correlationid",
    "causationid",
    "interval_seconds",
    "extra",
]

odd = st.one_of(
    st.sampled_from(ODD_VALUES),
    st.sampled_from(ODD_NUMBERS),
    st.sampled_from(ODD_TEXTS),
    st.sampled_from(ODD_TOKENS),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
    st.text(max_size=8).filter(lambda text: text.isprintable()),
)


def paths(document: Any, at: Path = ()) -> list[Path]:
    """The places of a document, the whole included."""
    inside: list[Path] = [at]
    if isinstance(document, dict):
        for name, value in document.items():
            inside += paths(value, (*at, name))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            inside += paths(value, (*at, index))
    return inside


def _at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def _spoiled_text(draw: st.DrawFn, text: str) -> str:
    return draw(
        st.sampled_from(
            [
                text + "\n",
                "\n" + text,
                text + " ",
                text.upper(),
                text + "\x00",
                text.replace("0", "\u0660"),
                text * 2,
                text + "é",
            ]
        )
    )


def _mutate(draw: st.DrawFn, document: Any) -> Any:
    """The document with one thing changed, deleted, added or doubled."""
    path = draw(st.sampled_from(paths(document)))
    found = _at(document, path)
    how = draw(st.sampled_from(["replace", "delete", "spoil", "add", "double"]))
    if isinstance(found, dict) and how == "add":
        found[draw(st.sampled_from(KNOWN_NAMES) | st.text(min_size=1, max_size=5))] = draw(odd)
        return document
    if isinstance(found, list) and found and how in {"add", "double"}:
        found.append(copy.deepcopy(found[draw(st.integers(0, len(found) - 1))]))
        return document
    if not path:
        return draw(odd) if how == "replace" else document
    owner, last = _at(document, path[:-1]), path[-1]
    if how == "delete":
        del owner[last]
    elif isinstance(found, str) and how == "spoil":
        owner[last] = _spoiled_text(draw, found)
    elif isinstance(found, dict) and found and how == "double":
        owner[last] = Twice(found, draw(st.sampled_from(sorted(found))), draw(odd))
    else:
        owner[last] = draw(odd)
    return document


@st.composite
def mutated(draw: st.DrawFn, documents: st.SearchStrategy[dict[str, Any]]) -> tuple[dict[str, Any], Any]:
    """A document and the same with up to three mutations."""
    document = draw(documents)
    changed: Any = copy.deepcopy(document)
    for _ in range(draw(st.integers(0, 3))):
        changed = _mutate(draw, changed)
    return document, changed
