"""Regular expressions that people write into rules, policies and silences: RE2's, over whole values.

They stand in the log for good. One that backtracks for longer than anybody waits would stop whoever derives from it,
now and in every replay; RE2 takes time in proportion to the value, whatever the pattern.
"""

from functools import lru_cache
from typing import Any

import re2

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


def checked(pattern: str) -> str:
    """The pattern as it is. Raises ValueError for what is no regular expression, saying why."""
    _compiled(pattern)
    return pattern


@lru_cache(maxsize=10_000)
def matches_whole(pattern: str, value: str) -> bool:
    """Whether a pattern matches the whole value; the same are asked again and again.

    What is no pattern, and stands in the log or a state from a version that took it, matches nothing.
    """
    try:
        return _compiled(pattern).fullmatch(value) is not None
    except ValueError:
        return False


@lru_cache(maxsize=1_000)
def _compiled(pattern: str) -> Any:
    try:
        return re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error.args[0].decode(errors='replace')}") from None
