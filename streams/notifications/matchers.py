"""Which alerts are meant: matchers of silences, maintenance, routes and inhibition."""

from collections.abc import Mapping
from typing import Annotated, Protocol

from pydantic import Field

from schemas.fields import Name
from streams.alerts.selectors import Regex
from streams.patterns import checked, matches_whole

FLEET = "_fleet"
"""The subject of what concerns all devices."""

Matchers = Annotated[dict[Name, Regex], Field(max_length=32)]
"""Name to regular expression over the whole value. `device`, `rule`, `severity` and `group` are the alert's own."""


class Matched(Protocol):
    """What of an alert is matched."""

    @property
    def device(self) -> str:
        """Its device."""
        ...

    @property
    def rule(self) -> str:
        """Its rule."""
        ...

    @property
    def severity(self) -> str:
        """How bad it is."""
        ...

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        ...

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of its device."""
        ...


def matches(matchers: Mapping[str, str], alert: Matched) -> bool:
    """Whether all match: a label that is absent counts as empty; of groups one must match."""
    for name, pattern in matchers.items():
        if name == "group":
            if not any(matches_whole(pattern, group) for group in alert.groups):
                return False
        elif not matches_whole(pattern, value_of(name, alert)):
            return False
    return True


def concerns(subject: str, groups: tuple[str, ...], alert: Matched) -> bool:
    """Whether a subject, and with it groups if any are named, mean the alert's device."""
    if subject not in {FLEET, alert.device}:
        return False
    return not groups or any(group in groups for group in alert.groups)


def value_of(name: str, alert: Matched) -> str:
    """The alert's own fact of that name, or its label; groups as one text."""
    match name:
        case "device":
            return alert.device
        case "rule":
            return alert.rule
        case "severity":
            return alert.severity
        case "group":
            return ",".join(alert.groups)
        case _:
            return alert.labels.get(name, "")


def check(matchers: Mapping[str, str]) -> None:
    """Raise ValueError for what is no regular expression."""
    for name, pattern in matchers.items():
        try:
            checked(pattern)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
