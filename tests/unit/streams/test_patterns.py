"""Regular expressions of rules, policies and silences: whole values, and no pattern that takes for ever."""

import time

import pytest

from streams.patterns import checked, matches_whole


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("web-.*", "web-1", True),
        ("web", "web-1", False),
        ("", "", True),
        ("nas|web-[0-9]+", "web-12", True),
        ("(?i)NAS", "nas", True),
        (r"/srv/(?:a|b)\.conf", "/srv/b.conf", True),
        ("日.", "日本", True),
        (".*", "two\nlines", False),
        ("(?s).*", "two\nlines", True),
    ],
)
def test_a_pattern_means_the_whole_value(pattern: str, value: str, matches: bool) -> None:
    assert matches_whole(checked(pattern), value) is matches


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("a(", "missing \\)"),
        ("[", "missing \\]"),
        (r"(a)\1", "invalid escape sequence"),
        ("(?=a)b", "invalid perl operator"),
        ("a{1001}", "invalid repetition size"),
    ],
)
def test_what_is_no_pattern_is_told_with_the_reason(pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"is no regular expression: {why}"):
        checked(pattern)


def test_what_is_no_pattern_but_was_stored_by_another_version_matches_nothing() -> None:
    assert not matches_whole("(?!db).*", "web-1")
    assert not matches_whole("a(", "a(")


def test_a_pattern_that_would_backtrack_for_ever_is_answered() -> None:
    began = time.monotonic()
    assert not matches_whole(checked("(a|a)*(a+)+b"), "a" * 1024)
    assert time.monotonic() - began < 30, "backtracking takes longer than anybody waits: 2 to the power of 1024 steps"
