"""Annotations with places to fill: `{device}: {label.system.filesystem.mountpoint} is {value|percent} full`.

Fields: device, rule, severity, value (what was judged), current (the last sample, where a window was judged),
threshold, unit, since, and `label.<name>`; of a status event `event.<field>`, see `EVENT_FIELDS`. Forms: number (the
default for numbers), percent (of a ratio), bytes, duration (of seconds). A field without a value is written as `?`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

_PLACE = re.compile(r"\{([^{}]*)\}")
_NUMBERS = frozenset({"value", "current", "threshold"})
_FIELDS = frozenset({"device", "rule", "severity", "unit", "since"}) | _NUMBERS
_LABEL = "label."
_EVENT = "event."
EVENT_FIELDS = ("what", "previous", "status", "reason", "summary")
"""What is kept of a status event, for texts."""

MOST_TEXT = 4096


@dataclass(frozen=True, slots=True)
class Facts:
    """What a template can name."""

    device: str
    rule: str
    severity: str
    value: float | None
    threshold: float | None
    unit: str | None
    since: datetime
    labels: Mapping[str, str]
    current: float | None = None
    event: Mapping[str, str] = field(default_factory=dict)


def _number(value: float) -> str:
    return f"{value:.6g}"


def _percent(value: float) -> str:
    return f"{value * 100:.1f} %"


def _bytes(value: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(value) < 1024:
            return f"{value:.4g} {unit}"
        value /= 1024
    return f"{value:.4g} PiB"


def _duration(value: float) -> str:
    for unit, seconds in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if abs(value) >= 2 * seconds:
            return f"{value / seconds:.3g} {unit}"
    return f"{value:.3g} seconds"


FORMS: Mapping[str, Callable[[float], str]] = {
    "number": _number,
    "percent": _percent,
    "bytes": _bytes,
    "duration": _duration,
}


def check(template: str) -> str:
    """The template as it is; ValueError names a field or a form that there is not."""
    rest = _PLACE.sub("", template)
    if "{" in rest or "}" in rest:
        raise ValueError(f"{template!r} has a brace without its pair")
    for place in _PLACE.findall(template):
        name, _, form = place.partition("|")
        if not _is_field(name):
            known = (*sorted(_FIELDS), "label.<name>", *(_EVENT + one for one in EVENT_FIELDS))
            raise ValueError(f"there is no field {{{name}}}: {', '.join(known)}")
        if form and form not in FORMS:
            raise ValueError(f"there is no form {form!r} for {{{name}}}: {', '.join(FORMS)}")
        if form and name not in _NUMBERS:
            raise ValueError(f"{{{name}}} is no number, and takes no form")
    return template


def _is_field(name: str) -> bool:
    if name.startswith(_EVENT):
        return name[len(_EVENT) :] in EVENT_FIELDS
    return name in _FIELDS or (name.startswith(_LABEL) and len(name) > len(_LABEL))


def misplaced(template: str, *, reads: Literal["metrics", "status"]) -> str | None:
    """The first place of a template that has no meaning in a rule about metrics, or about status."""
    for place in _PLACE.findall(template):
        name = place.partition("|")[0]
        if name.startswith(_EVENT) if reads == "metrics" else name in _NUMBERS or name == "unit":
            return str(name)
    return None


def render(template: str, facts: Facts) -> str:
    """The template with its places filled, at most 4096 characters."""
    return _PLACE.sub(lambda place: _filled(place[1], facts), template)[:MOST_TEXT]


def _filled(place: str, facts: Facts) -> str:
    name, _, form = place.partition("|")
    if name.startswith(_LABEL):
        return facts.labels.get(name[len(_LABEL) :], "?")
    if name.startswith(_EVENT):
        return facts.event.get(name[len(_EVENT) :], "?")
    if name == "since":
        return f"{facts.since:%Y-%m-%d %H:%M:%S} UTC"
    value = getattr(facts, name)
    if isinstance(value, float):
        return FORMS[form or "number"](value)
    return "?" if value is None else str(value)
