"""Ids that order by time, ids that come out the same, and what a sequence counts within."""

from uuid import UUID

import pytest

from schemas.envelope import is_source, needs_sequence
from schemas.identity import agent_source, derived_id, sequence_scope, uuid7

CAUSE = UUID("0192f401-7a01-7101-8001-a1b2c3d4e501")
EPOCH = UUID("0192f3a1-6c00-7a10-9f2e-5b1c3d4e5f60")


def test_uuid7_holds_the_time_and_the_version() -> None:
    made = uuid7(1_763_690_401_234)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == 1_763_690_401_234


def test_uuid7_orders_by_time_and_never_repeats() -> None:
    made = [uuid7(1_763_690_401_234 + ms) for ms in range(1000)]
    assert made == sorted(made)
    assert len({uuid7(1) for _ in range(1000)}) == 1000


def test_a_derived_id_is_pinned() -> None:
    # Changing it would make every derived event a new one when the log is derived again.
    assert derived_id(CAUSE, "alert.raised", "disk-full") == UUID("7f115e8b-02c6-5d39-8881-2cc62b67c31a")
    assert derived_id(CAUSE, "alert.raised", "disk-full").version == 5


def test_a_derived_id_tells_its_parts_apart() -> None:
    assert len({derived_id(CAUSE, *what) for what in ((), ("",), ("a", "b"), ("ab",), ("b", "a"), ("a", "b", ""))}) >= 5
    assert derived_id(CAUSE, "a") != derived_id(EPOCH, "a")


@pytest.mark.parametrize(
    ("source", "scope", "counted"),
    [
        (agent_source("nas", EPOCH, "system"), str(EPOCH), True),
        (agent_source("nas", EPOCH, "drives"), str(EPOCH), True),
        ("/streams/device_status", "/streams/device_status", True),
        ("/streams/alerts-metrics", "/streams/alerts-metrics", True),
        ("/streams/clock", "/streams/clock", False),
        ("/streams/rules", "/streams/rules", False),
        ("/operators/ada", "/operators/ada", False),
        ("/sinks/gotify", "/sinks/gotify", False),
    ],
)
def test_sources_what_their_sequence_counts_within_and_whether_they_have_one(
    source: str, scope: str, counted: bool
) -> None:
    assert is_source(source)
    assert sequence_scope(source) == scope
    assert needs_sequence(source) is counted


@pytest.mark.parametrize(
    "text", ["", "/", "nas", "/agents/nas/system", "/streams/", "/streams/a/b", "/x/y", "/sinks/x\n"]
)
def test_what_is_no_source(text: str) -> None:
    assert not is_source(text)
