"""Runs rule tests: a log in virtual time, through the real cores in the batch shell, compared with what is expected."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from runtime.errors import InputInvalid
from schemas.alert import AlertRaised, AlertResolved
from schemas.record import RawRecord, RecordReader
from schemas.refusal import EventRefused
from streams.alerts.core import MetricAlerts
from streams.alerts.rules import load_rules
from streams.alerts.status_core import StatusAlerts
from streams.batch import derive
from streams.derivation import Derivation
from streams.rulecheck.cases import START, Case, Expected, TestFile, load_cases
from streams.rulecheck.virtual_log import VirtualLog, metrics_log, status_log

_BEGIN = datetime.fromisoformat(START)
Alert = AlertRaised | AlertResolved


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test: its name, and what differs from what was expected; nothing when it passed."""

    name: str
    differences: tuple[str, ...]


def run_file(path: Path, *, rules: Path | None = None) -> Iterator[Outcome]:
    """Run the tests of a file, on its rules or on others. Raises InputInvalid."""
    found: TestFile = load_cases(path)
    _, document = load_rules(rules or path.parent / found.rules)
    for case in found.tests:
        yield Outcome(case.name, tuple(differences(case, document)))


def differences(case: Case, document: dict[str, Any]) -> Iterator[str]:
    """What of a test differs: missing, not expected, or otherwise than expected."""
    found = list(alerts(case, document))
    wanted = sorted(case.expect, key=lambda one: one.at)
    left = [(_line(event), event) for event in found]
    for expected in wanted:
        line = _wanted_line(expected)
        match = next((one for one in left if one[0] == line and not list(_otherwise(expected, one[1]))), None)
        match = match or next((one for one in left if one[0] == line), None)
        if match is None:
            yield f"missing:      {line}"
            continue
        left.remove(match)
        for difference in _otherwise(expected, match[1]):
            yield f"{line}: {difference}"
    for line, event in left:
        yield f"not expected: {line} {dict(event.data.labels)}"


def alerts(case: Case, document: dict[str, Any]) -> list[Alert]:
    """The alert events that follow, in the order of their times."""
    pairs: list[tuple[Derivation[Any, Any], VirtualLog]] = []
    if case.series:
        pairs.append((MetricAlerts(), metrics_log(case, document)))
    if case.events:
        pairs.append((StatusAlerts(), status_log(case, document)))
    found = [
        one.event
        for derivation, log in pairs
        for one in derive(derivation, _checked(case, log.raws))
        if isinstance(one.event, AlertRaised | AlertResolved)
    ]
    return sorted(found, key=lambda event: event.time)


def _checked(case: Case, raws: list[RawRecord]) -> list[RawRecord]:
    """The records, of which none is refused. Looks of one test are alike: the first stands for them."""
    reader, metrics = RecordReader(), 0
    for raw in raws:
        metrics += raw.topic == "infra.metrics" and not (raw.key or b"").startswith(b"_")
        if raw.topic == "infra.metrics" and metrics != 1:
            continue
        try:
            reader.read(raw)
        except EventRefused as error:
            raise InputInvalid(f"{case.name}: no event can be made of it: {error}", operation="rules test") from error
    return raws


def _seconds(when: datetime) -> float:
    return (when - _BEGIN).total_seconds()


def _line(event: Alert) -> str:
    what = "raised" if isinstance(event, AlertRaised) else event.data.reason
    return f"{_seconds(event.time):g} {what} {event.data.rule}{' historical' if event.data.historical else ''}"


def _wanted_line(expected: Expected) -> str:
    historical = " historical" if expected.historical else ""
    return f"{expected.at.total_seconds():g} {expected.what} {expected.rule}{historical}"


def _otherwise(expected: Expected, event: Alert) -> Iterator[str]:
    """What an event says otherwise than expected, of what the test names."""
    data = event.data
    pairs: list[tuple[str, Any, Any]] = [
        ("device", expected.device, event.subject),
        ("severity", expected.severity, data.severity),
        ("labels", expected.labels, dict(data.labels)),
        ("flapping", expected.flapping, data.flapping),
    ]
    if expected.annotations is not None:
        pairs.append(("summary", expected.annotations.summary, data.summary))
        if isinstance(event, AlertRaised):
            pairs.append(("description", expected.annotations.description, event.data.description))
    if isinstance(event, AlertRaised):
        since = None if expected.since is None else f"{expected.since.total_seconds():g} s"
        pairs.append(("since", since, f"{_seconds(event.data.since):g} s"))
    if expected.value is not None and (data.value is None or abs(data.value - expected.value) > 1e-9):
        pairs.append(("value", expected.value, data.value))
    for name, wanted, found in pairs:
        if wanted is not None and wanted != found:
            yield f"{name} is {found!r}, expected {wanted!r}"
