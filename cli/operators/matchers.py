"""Matchers as operators write them: `name=regex`, over the whole value."""

import re
from collections.abc import Iterable, Mapping, Sequence

from runtime.errors import InputInvalid
from schemas.fields import LABEL_NAME_PATTERN
from streams.notifications.matchers import FLEET
from streams.patterns import checked

_NAME = re.compile(LABEL_NAME_PATTERN)
_SPECIAL = re.compile(r"([.^$*+?{}\[\]\\|()])")
MOST_VALUE = 1024


def read_matchers(written: Iterable[str], *, rule: str | None = None) -> dict[str, str]:
    """The matchers in `name=regex` texts, and that for a rule by its name. Raises InputInvalid naming the text."""
    found: dict[str, str] = {}
    for one in written:
        name, equals, pattern = one.partition("=")
        name = name.strip()
        if not equals or not _NAME.fullmatch(name):
            raise InputInvalid(f"{one!r} is no matcher such as severity=warning|info", operation="read matchers")
        if name in found:
            raise InputInvalid(f"{name!r} is matched twice: join the patterns with |", operation="read matchers")
        found[name] = _checked(name, pattern)
    if rule is not None:
        if "rule" in found:
            raise InputInvalid("--rule and a matcher rule=... say the same twice", operation="read matchers")
        found["rule"] = exactly(rule)
    return found


def _checked(name: str, pattern: str) -> str:
    if len(pattern) > MOST_VALUE:
        raise InputInvalid(f"the pattern of {name!r} has more than {MOST_VALUE} characters", operation="read matchers")
    try:
        checked(pattern)
    except ValueError as error:
        raise InputInvalid(
            f"{name}: {error}; a dot, bracket or star that is meant as it is wants a backslash before it",
            operation="read matchers",
        ) from None
    return pattern


def exactly(text: str) -> str:
    """The pattern that only this text matches."""
    return _SPECIAL.sub(r"\\\1", text)


def written(matchers: Mapping[str, str]) -> str:
    """Matchers in one line."""
    return " ".join(f"{name}={pattern}" for name, pattern in sorted(matchers.items())) or "everything"


def scope(subject: str, matchers: Mapping[str, str], groups: Sequence[str] = ()) -> str:
    """What a silence or maintenance is of, in words."""
    of = "all devices" if subject == FLEET else subject
    if groups:
        of = f"group{'s' * (len(groups) > 1)} {', '.join(groups)}"
    return f"{of}: {written(matchers)}" if matchers else of
