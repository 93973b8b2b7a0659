"""How dead letters are shown: one line of facts, an excerpt that cannot harm the terminal, the bytes in JSON."""

import json

import pytest

from cli.dead_letters import as_document, text_lines
from runtime.kafka.dead_letters import DeadLetter
from schemas.record import RawRecord


def letter(value: bytes | None, *, failed_at_ms: int = 1_763_726_400_000) -> DeadLetter:
    origin = RawRecord("infra.metrics", 3, 42, 1_763_726_399_000, b"box", value, (("sent", b"1"),))
    return DeadLetter("timescale", origin, "not_json", "unexpected end", failed_at_ms, field="data", attempts=2)


def test_a_letter_is_two_lines() -> None:
    facts, excerpt, total = text_lines([letter(b'{"type": ')])
    assert facts.split() == [
        *("2025-11-21T12:00:00.000Z", "timescale", "infra.metrics/3@42"),
        *("not_json", "data:", "unexpected", "end"),
    ]
    assert excerpt == '    {"type": '
    assert total == "1 dead letter"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "(no value)"),
        (b"", "(no value)"),
        (b"\x1b[2Jboo\nhoo", "·[2Jboo·hoo"),
        (b"x" * 100, "x" * 60 + "… (100 bytes)"),
        (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_the_excerpt_is_harmless(value: bytes | None, shown: str) -> None:
    assert list(text_lines([letter(value)]))[1] == f"    {shown}"


@pytest.mark.parametrize(
    ("value", "field", "expected"),
    [(b"{", "value", "{"), (None, "value", None), (b"\xff", "value_base64", "/w==")],
)
def test_json_has_the_original_bytes(value: bytes | None, field: str, expected: str | None) -> None:
    document = json.loads(json.dumps(as_document(letter(value))))
    assert document[field] == expected
    assert document["key"] == "box"
    assert (document["topic"], document["partition"], document["offset"]) == ("infra.metrics", 3, 42)
    assert (document["reason"], document["attempts"], document["headers"]) == ("not_json", 2, {"sent": "1"})


def test_a_time_that_no_calendar_has_is_still_shown() -> None:
    assert next(iter(text_lines([letter(b"", failed_at_ms=10**17)]))).startswith("100000000000000000 ms")
