"""What of a thing is accepted: its values as an observation has them. Pure."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from runtime.errors import InputInvalid
from schemas.baseline import METRIC_VALUE
from schemas.drive import DriveObserved
from schemas.fields import Scalar
from schemas.metric_look import MetricLook
from schemas.network import NetworkObserved
from schemas.record import AnyRead
from streams.entity_status.drive_values import values_of

Kind = Literal["drive", "network", "metric"]
KINDS: tuple[Kind, ...] = ("drive", "network", "metric")
SPEED = "speed_bits_per_second"
"""What is accepted of a link."""

_METRIC = re.compile(r"[a-z]+(\.[a-z0-9_]+)+(\{.*\})?|[a-z][a-z0-9_]*\{.*\}")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_.]*)=(?:"((?:[^"\\]|\\.)*)"|([^,"]*))\s*(?:,|$)')


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing with the values that can be accepted of it, and the observation that they are from."""

    kind: Kind
    entity: str
    values: Mapping[str, Scalar]
    observation: UUID | None


@dataclass(frozen=True, slots=True)
class Others:
    """That a look has no such thing, but these."""

    names: tuple[str, ...]


def kind_of(entity: str, kind: Kind | None) -> Kind | None:
    """The kind that was given, else `metric` for what looks like one; None: a drive or a link."""
    return "metric" if kind is None and _METRIC.fullmatch(entity) else kind


def found_in(event: AnyRead, entity: str, kind: Kind | None) -> Thing | Others | None:
    """The thing as one observation has it; None of an observation of other kinds, or of a drive that was asleep."""
    match event:
        case DriveObserved() if kind in {None, "drive"}:
            for drive in event.data.drives:
                if entity in {drive.id, drive.serial, drive.path}:
                    values = values_of(drive)
                    return Thing("drive", drive.id, values, event.id) if values else None
            return Others(tuple(drive.id for drive in event.data.drives))
        case NetworkObserved() if kind in {None, "network"}:
            for link in event.data.interfaces:
                if entity == link.name:
                    speed = link.speed_bits_per_second
                    return None if speed is None else Thing("network", link.name, {SPEED: speed}, event.id)
            return Others(tuple(link.name for link in event.data.interfaces))
        case MetricLook() if kind == "metric":
            return _series(event, entity)
        case _:
            return None


def _series(look: MetricLook, entity: str) -> Thing | Others | None:
    name, wanted = wanted_series(entity)
    alike = [
        (series.key, value)
        for series, value in zip(look.series, look.values, strict=True)
        if series.name == name and all(_has(series.labels, *one) for one in wanted)
    ]
    if len(alike) == 1:
        return Thing("metric", alike[0][0], {METRIC_VALUE: alike[0][1]}, look.id)
    of_name = tuple(series.key for series in look.series if series.name == name)
    return Others(tuple(key for key, _ in alike) or of_name) if of_name else None


def _has(labels: tuple[tuple[str, str], ...], name: str, value: str) -> bool:
    """Whether a series has a label; `mountpoint` is enough for `system.filesystem.mountpoint`."""
    return any(text == value and (one == name or one.endswith(f".{name}")) for one, text in labels)


def wanted_series(entity: str) -> tuple[str, set[tuple[str, str]]]:
    """A metric's name, and labels of its series or the last parts of their names; quotes around values may be left out.

    Raises InputInvalid.
    """
    name, brace, rest = entity.partition("{")
    if not brace:
        return name, set()
    found: set[tuple[str, str]] = set()
    inside = rest.removesuffix("}")
    at = 0
    while at < len(inside):
        label = _LABEL.match(inside, at)
        if label is None or not rest.endswith("}"):
            raise InputInvalid(
                f'{entity!r} is no series such as system.filesystem.utilization{{mountpoint="/"}}',
                operation="read series",
            )
        quoted, bare = label[2], label[3]
        found.add((label[1], bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)))
        at = label.end()
    return name, found


def overridden(values: Mapping[str, Scalar], written: tuple[str, ...]) -> dict[str, Scalar]:
    """The values with those that were given as `name=x` in their place. Raises InputInvalid."""
    found = dict(values)
    for one in written:
        name, equals, text = one.partition("=")
        if not equals or not name.strip():
            raise InputInvalid(f"--value {one!r} is not of the form name=x", operation="read values")
        found[name.strip()] = _number(one, text.strip())
    return found


def _number(given: str, text: str) -> Scalar:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise InputInvalid(f"--value {given!r}: {text!r} is no number", operation="read values")
    return found
