"""The hot path: a metric.collected document checked in place, without building an object a sample.

It accepts and refuses exactly what the model `MetricCollected` does (read with unknown fields ignored); a property test
shows it. What makes it fast: looks of one source at one device name the same series in the same order again and again,
so a look whose series equal those of the look before is checked by one comparison, of bytes where it can be.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, NoReturn
from uuid import UUID

from schemas.envelope import is_source, needs_sequence, sequence_rule
from schemas.fields import LABEL_NAME_PATTERN, METRIC_NAME_PATTERN, SUBJECT_PATTERN, parse_time, parse_uuid
from schemas.metric import MAX_SAMPLES, UNIT_PATTERN, MetricCollected, twice
from schemas.metric_shape import Shape, head_of, shape_of, values_in
from schemas.refusal import EventRefused, Reason

_SUBJECT = re.compile(SUBJECT_PATTERN)
_METRIC_NAME = re.compile(METRIC_NAME_PATTERN)
_LABEL_NAME = re.compile(LABEL_NAME_PATTERN)
_UNIT = re.compile(UNIT_PATTERN)
_COLLECTOR = re.compile(r"^[a-z][a-z0-9_]{0,63}$")


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A metric's name, unit and labels. Interned by its reader: compare by `key`; identity is good for caches only."""

    name: str
    unit: str
    labels: tuple[tuple[str, str], ...]
    key: str
    """Canonical text of name and labels (sorted by name): `system.disk.io{device="sda",disk.io.direction="read"}`."""


class MetricLook(NamedTuple):
    """A metric.collected event as readers see it: the envelope's attributes, its series, and their values in order."""

    id: UUID
    source: str
    subject: str
    time: datetime
    sequence: int | None
    correlationid: UUID | None
    causationid: UUID | None
    collector: str
    interval_seconds: float | None
    series: tuple[Series, ...]
    values: list[float]

    @property
    def type(self) -> str:
        """The event's type."""
        return MetricCollected.TYPE


@dataclass(frozen=True, slots=True)
class _Template:
    """The series of the last look of a source at a device, known by their samples or by the bytes around the values."""

    series: tuple[Series, ...]
    samples: list[dict[str, Any]] | None
    again: bool = False
    """Whether it came twice: only then it is worth cutting."""

    cut: bool = False
    """Whether it was tried to cut it."""

    shape: Shape | None = None
    """What stands around the values; None where a look is written in a way that cannot be cut."""


class MetricReader:
    """Checks decoded metric.collected documents; remembers at most `most_devices` shapes and `most_series` series."""

    def __init__(self, most_devices: int = 2_000, most_series: int = 100_000) -> None:
        self._templates: dict[tuple[str, str], _Template] = {}
        self._series: dict[tuple[str, str, tuple[tuple[str, str], ...]], Series] = {}
        self._most_devices = most_devices
        self._most_series = most_series

    def read(self, document: dict[str, Any]) -> MetricLook:
        """Check one document, which is used up by it. Raises EventRefused with the field named."""
        data = _envelope(document)
        samples = data.get("samples")
        if type(samples) is not list or not 1 <= len(samples) <= MAX_SAMPLES:
            _refuse("data.samples", f"must be a list of 1 to {MAX_SAMPLES} samples")
        values = _finite(_taken(samples))
        return _look(document, self._series_of((document["source"], document["subject"]), samples), values)

    def read_alike(self, value: bytes) -> MetricLook | None:
        """The look in a text that differs from one read before in its envelope and values only; None for any other.

        What it does not take, `read` takes or refuses.
        """
        head = head_of(value)
        if head is None:
            return None
        document = head.document
        try:
            template = self._templates.get((document["source"], document["subject"]))
        except (KeyError, TypeError):
            return None
        if template is None or template.shape is None:
            return None
        values = values_in(value, head.at, template.shape)
        if values is None:
            return None
        try:
            _form(document)
            return _look(document, template.series, _finite(values))
        except EventRefused:
            return None

    def learn(self, value: bytes, look: MetricLook) -> None:
        """Know texts like this one, which was just read as this look, by their bytes from now on, if it came twice."""
        of = (look.source, look.subject)
        template = self._templates[of]
        if not template.again or template.cut:
            return
        shape = shape_of(value, look.values)
        samples = template.samples if shape is None else None
        self._templates[of] = _Template(template.series, samples, again=True, cut=True, shape=shape)

    def _series_of(self, look: tuple[str, str], samples: list[dict[str, Any]]) -> tuple[Series, ...]:
        template = self._templates.get(look)
        if template is not None and template.samples == samples:
            if not template.again:
                self._templates[look] = _Template(template.series, samples, again=True)
            return template.series
        series = tuple(self._one(sample, index) for index, sample in enumerate(samples))
        _each_once(series)
        if look not in self._templates and len(self._templates) >= self._most_devices:
            del self._templates[next(iter(self._templates))]
        self._templates[look] = _Template(series, samples)
        return series

    def _one(self, sample: dict[str, Any], index: int) -> Series:
        name, unit, labels = _series_fields(sample, index)
        identity = (name, unit, labels)
        found = self._series.get(identity)
        if found is None:
            if len(self._series) >= self._most_series:
                del self._series[next(iter(self._series))]
            found = self._series[identity] = Series(name, unit, labels, series_key(name, labels))
        return found


def series_key(name: str, labels: tuple[tuple[str, str], ...]) -> str:
    """The canonical text of a series; labels sorted by name, values quoted."""
    if not labels:
        return name
    inside = ",".join(
        f'{label}="{value}"' if '"' not in value and "\\" not in value else f"{label}={_quoted(value)}"
        for label, value in labels
    )
    return f"{name}{{{inside}}}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _look(document: dict[str, Any], series: tuple[Series, ...], values: list[float]) -> MetricLook:
    """The look of a document whose source, subject and samples were checked."""
    data, source = document["data"], document["source"]
    interval = data.get("interval_seconds")
    if interval is not None and (interval := _number(interval, "data.interval_seconds")) <= 0:
        _refuse("data.interval_seconds", "must be greater than 0")
    return MetricLook(
        id=_parsed(document, "id", parse_uuid),
        source=source,
        subject=document["subject"],
        time=_parsed(document, "time", parse_time),
        sequence=_sequence(document.get("sequence"), source),
        correlationid=_optional_uuid(document, "correlationid"),
        causationid=_optional_uuid(document, "causationid"),
        collector=_matching(data.get("collector"), _COLLECTOR, "data.collector"),
        interval_seconds=interval,
        series=series,
        values=values,
    )


def _form(document: dict[str, Any]) -> None:
    if document.get("type") != MetricCollected.TYPE:
        _refuse("type", f"must be {MetricCollected.TYPE}")
    if document.get("specversion", "1.0") != "1.0":
        _refuse("specversion", "must be 1.0")
    if document.get("datacontenttype", "application/json") != "application/json":
        _refuse("datacontenttype", "must be application/json")


def _envelope(document: dict[str, Any]) -> dict[str, Any]:
    _form(document)
    if type(source := document.get("source")) is not str or not is_source(source):
        _refuse("source", "is no source of events, such as /agents/<agent>/<epoch>/<collector>")
    _matching(document.get("subject"), _SUBJECT, "subject")
    data = document.get("data")
    if type(data) is not dict:
        _refuse("data", "must be an object")
    return data


def _taken(samples: list[Any]) -> list[Any]:
    """Move the values out of the samples, so that what is left of two looks can be compared."""
    try:
        return [sample.pop("value") for sample in samples]
    except (AttributeError, KeyError, TypeError):
        _refuse("data.samples", "each must be an object with a value")


def _finite(values: list[Any]) -> list[float]:
    # A sum is finite only of finite numbers; one that overflows is looked at one by one.
    if set(map(type, values)) != {float} or not math.isfinite(sum(values)):
        return [_number(value, f"data.samples.{index}.value") for index, value in enumerate(values)]
    return values


def _series_fields(sample: dict[str, Any], index: int) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    name, unit = sample.get("name"), sample.get("unit")
    if type(name) is not str or len(name) > 255 or _METRIC_NAME.fullmatch(name) is None:
        _refuse(f"data.samples.{index}.name", "is no metric name, such as system.cpu.utilization")
    if type(unit) is not str or _UNIT.fullmatch(unit) is None:
        _refuse(f"data.samples.{index}.unit", "is no unit of 1 to 63 printable characters")
    return name, unit, _labels(sample.get("labels", {}), index)


def _labels(labels: Any, index: int) -> tuple[tuple[str, str], ...]:
    where = f"data.samples.{index}.labels"
    if type(labels) is not dict or len(labels) > 32:
        _refuse(where, "must be an object of at most 32 labels")
    for name, value in labels.items():
        if len(name) > 128 or _LABEL_NAME.fullmatch(name) is None:
            _refuse(where, "has a key that is no label name")
        if type(value) is not str or len(value) > 1024 or "\x00" in value:
            _refuse(f"{where}.{name}", "must be a text of at most 1024 characters without NUL")
    return tuple(sorted(labels.items()))


def _each_once(series: tuple[Series, ...]) -> None:
    seen: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
    for one in series:
        if (one.name, one.labels) in seen:
            _refuse("data.samples", twice(one.name, dict(one.labels)))
        seen.add((one.name, one.labels))


def _sequence(value: Any, source: str) -> int | None:
    if value is not None and (type(value) is not int or not 1 <= value <= 2**31 - 1):
        _refuse("sequence", "must be a whole number from 1 to 2147483647")
    if needs_sequence(source) != (value is not None):
        _refuse("sequence", sequence_rule(source))
    return value


def _number(value: Any, where: str) -> float:
    if type(value) is float or type(value) is int:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    _refuse(where, "must be a finite number")


def _matching(value: Any, pattern: re.Pattern[str], where: str) -> str:
    if type(value) is not str or pattern.fullmatch(value) is None:
        _refuse(where, f"must match {pattern.pattern}")
    return value


def _parsed(document: dict[str, Any], field: str, parse: Callable[[Any], Any]) -> Any:
    try:
        return parse(document.get(field))
    except ValueError as error:
        _refuse(field, str(error))


def _optional_uuid(document: dict[str, Any], field: str) -> UUID | None:
    if document.get(field) is None:
        return None
    found: UUID = _parsed(document, field, parse_uuid)
    return found


def _refuse(field: str, message: str) -> NoReturn:
    raise EventRefused(Reason.INVALID_FIELD, field, message)
