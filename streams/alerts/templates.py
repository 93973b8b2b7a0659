"""Annotations with places to fill: `{device}: {label.system.filesystem.mountpoint} is {value|percent} full`.

Fields: device, rule, severity, value, threshold, unit, since, and `label.<name>`. Forms: number (the default for
numbers), percent (of a ratio), bytes. A field without a value is written as `?`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

_PLACE = re.compile(r"\{([^{}]*)\}")
_FIELDS = frozenset({"device", "rule", "severity", "value", "threshold", "unit", "since"})
_LABEL = "label."
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


FORMS: Mapping[str, Callable[[float], str]] = {"number": _number, "percent": _percent, "bytes": _bytes}


def check(template: str) -> str:
    """The template as it is; ValueError names a field or a form that there is not."""
    rest = _PLACE.sub("", template)
    if "{" in rest or "}" in rest:
        raise ValueError(f"{template!r} has a brace without its pair")
    for place in _PLACE.findall(template):
        field, _, form = place.partition("|")
        if field not in _FIELDS and not (field.startswith(_LABEL) and len(field) > len(_LABEL)):
            raise ValueError(f"there is no field {{{field}}}: {', '.join(sorted(_FIELDS))}, label.<name>")
        if form and form not in FORMS:
            raise ValueError(f"there is no form {form!r} for {{{field}}}: {', '.join(FORMS)}")
        if form and field not in {"value", "threshold"}:
            raise ValueError(f"{{{field}}} is no number, and takes no form")
    return template


def render(template: str, facts: Facts) -> str:
    """The template with its places filled, at most 4096 characters."""
    return _PLACE.sub(lambda place: _filled(place[1], facts), template)[:MOST_TEXT]


def _filled(place: str, facts: Facts) -> str:
    field, _, form = place.partition("|")
    if field.startswith(_LABEL):
        return facts.labels.get(field[len(_LABEL) :], "?")
    if field == "since":
        return f"{facts.since:%Y-%m-%d %H:%M:%S} UTC"
    value = getattr(facts, field)
    if isinstance(value, float):
        return FORMS[form or "number"](value)
    return "?" if value is None else str(value)
