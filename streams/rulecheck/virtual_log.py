"""A log in virtual time: what a rule test says, as records of `infra.metrics` and `infra.status`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from runtime.errors import InputInvalid
from schemas.baseline import METRIC_VALUE, BaselineAccepted
from schemas.clock import ClockTicked
from schemas.device import DeviceRegistered, DeviceRetired, DeviceStatusChanged
from schemas.headers import SENT
from schemas.identity import derived_id
from schemas.metric import MetricCollected
from schemas.metric_look import series_key
from schemas.record import RawRecord
from schemas.registry import METRICS, STATUS
from schemas.rules import RulesLoaded
from streams.alerts.selectors import STATUS_EVENTS
from streams.documents import document_hash
from streams.rulecheck.cases import START, Case, StatusEvent
from streams.rulecheck.notation import series_of, values_over_time

_BEGIN_MS = int(datetime.fromisoformat(START).timestamp() * 1000)
_IDS = UUID("7d0c2a52-2f6e-5d0b-9d2e-2b7f1f1f6a10")
_AGENT = "/agents/test/018f0000-0000-7000-8000-000000000001/test"
_MOST_TICK_MS = 600_000
"""A test of looks a day apart needs no tick every few seconds."""


class VirtualLog:
    """One partition of a topic; times in ms from the start."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.raws: list[RawRecord] = []

    def put(self, subject: str, type_: str, data: Any, **attributes: Any) -> None:
        """Append an event: `at_ms` (append time), `time_ms` (event time), `source`, `sequence`."""
        at_ms, time_ms = attributes["at_ms"], attributes.get("time_ms", attributes["at_ms"])
        offset = len(self.raws)
        event = {
            "specversion": "1.0",
            "id": str(derived_id(_IDS, self.topic, str(offset))),
            "source": attributes["source"],
            "subject": subject,
            "type": type_,
            "time": instant_text(time_ms),
            "datacontenttype": "application/json",
            "data": data,
        }
        if "sequence" in attributes:
            event["sequence"] = attributes["sequence"]
        sent_ms = _BEGIN_MS + attributes.get("sent_ms", at_ms)
        headers = ((SENT, str(sent_ms).encode()),)
        self.raws.append(
            RawRecord(self.topic, 0, offset, _BEGIN_MS + at_ms, subject.encode(), orjson.dumps(event), headers)
        )

    def tick(self, at_ms: int, period_s: float) -> None:
        """Append a tick."""
        self.put("_partition-0", ClockTicked.TYPE, {"period_seconds": period_s}, at_ms=at_ms, source="/streams/clock")

    def rules(self, document: dict[str, Any]) -> None:
        """Append the rules, at the start."""
        data = {
            "kind": "alert_rules",
            "revision": document["revision"],
            "hash": document_hash(document),
            "document": document,
        }
        self.put("_partition-0", RulesLoaded.TYPE, data, at_ms=0, source="/streams/rules")


def instant_text(at_ms: int) -> str:
    """A virtual time as RFC 3339."""
    when = datetime.fromtimestamp((_BEGIN_MS + at_ms) / 1000, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def metrics_log(case: Case, document: dict[str, Any]) -> VirtualLog:
    """The looks of a test, each after a tick; those of a backlog when it ends."""
    log = VirtualLog(METRICS)
    log.rules(document)
    series = [(*series_of(name), values_over_time(notation)) for name, notation in case.series.items()]
    every_ms = _ms(case.every)
    count = max(len(values) for _, _, values in series)
    until = max(count, _ms(case.lasts) // every_ms + 1 if case.lasts else 0)
    period_s = min(every_ms, _MOST_TICK_MS) / 1000
    held: list[int] = []
    sequence = _Sequence(log, case)
    said = sorted(_said(case), key=lambda one: one.at_ms)
    for index in range(until):
        at_ms = index * every_ms
        while said and said[0].at_ms <= at_ms:
            sequence.say(said.pop(0))
        for tick_ms in _ticks(at_ms, every_ms, int(period_s * 1000)):
            log.tick(tick_ms, period_s)
        if case.backlog is not None and _ms(case.backlog.after) <= at_ms < _ms(case.backlog.until):
            held.append(index)
            continue
        # Sent strictly in sequence: what was held goes first.
        for one in (*held, index):
            samples = _samples(series, one)
            if samples:
                data = {"collector": "test", "interval_seconds": every_ms / 1000, "samples": samples}
                sequence.put(MetricCollected.TYPE, data, at_ms=at_ms, time_ms=one * every_ms)
        held = []
    return log


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of the device besides its looks."""

    at_ms: int
    type: str
    data: dict[str, Any]


def _said(case: Case) -> Iterator[_Said]:
    if case.groups:
        yield _Said(0, DeviceRegistered.TYPE, {"groups": list(case.groups)})
    for one in case.baselines:
        name, labels = series_of(one.series)
        data = {
            "operator": "test",
            "kind": "metric",
            "entity": series_key(name, tuple(sorted(labels.items()))),
            "values": {METRIC_VALUE: one.value},
        }
        yield _Said(_ms(one.at), BaselineAccepted.TYPE, data)
    if case.retired is not None:
        yield _Said(_ms(case.retired), DeviceRetired.TYPE, {"reason": "as the test says"})


class _Sequence:
    """The events of the device's agent, numbered."""

    def __init__(self, log: VirtualLog, case: Case) -> None:
        self._log, self._device, self._last = log, case.device, 0

    def put(self, type_: str, data: dict[str, Any], *, at_ms: int, time_ms: int) -> None:
        """Append an event of the agent."""
        self._last += 1
        self._log.put(self._device, type_, data, at_ms=at_ms, time_ms=time_ms, source=_AGENT, sequence=self._last)

    def say(self, said: _Said) -> None:
        """Append what is said of the device; a baseline is an operator's and has no number."""
        if said.type == BaselineAccepted.TYPE:
            self._log.put(self._device, said.type, said.data, at_ms=said.at_ms, source="/operators/test")
        else:
            self.put(said.type, said.data, at_ms=said.at_ms, time_ms=said.at_ms)


def _samples(series: list[tuple[str, dict[str, str], list[float | None]]], index: int) -> list[dict[str, Any]]:
    return [
        {"name": name, "value": value, "unit": "1", "labels": labels}
        for name, labels, values in series
        if index < len(values) and (value := values[index]) is not None
    ]


def _ticks(at_ms: int, every_ms: int, period_ms: int) -> range:
    """The ticks since the look before, up to this look's time."""
    if at_ms == 0:
        return range(1)
    first = at_ms - every_ms + period_ms
    return range(first, at_ms + 1, period_ms)


def status_log(case: Case, document: dict[str, Any]) -> VirtualLog:
    """The status events of a test between ticks."""
    log = VirtualLog(STATUS)
    log.rules(document)
    events = sorted(case.events, key=lambda event: event.at + event.sent_after)
    period_ms = min(_ms(case.every), _MOST_TICK_MS)
    last_ms = max(_ms(event.at + event.sent_after) for event in events)
    until_ms = max(last_ms, _ms(case.lasts) if case.lasts else 0)
    sequence: dict[str, int] = {}
    if case.groups:
        sequence[case.device] = 1
        event = StatusEvent.model_validate({"at": 0, "event": "device.status_changed", "status": "online"})
        _put_status(log, event, device=case.device, sequence=1, case=case)
    for at_ms in range(0, until_ms + period_ms, period_ms):
        log.tick(at_ms, period_ms / 1000)
        while events and _ms(events[0].at + events[0].sent_after) < at_ms + period_ms:
            event = events.pop(0)
            device = event.device or case.device
            sequence[device] = sequence.get(device, 0) + 1
            _put_status(log, event, device=device, sequence=sequence[device], case=case)
    return log


def _put_status(log: VirtualLog, event: StatusEvent, *, device: str, sequence: int, case: Case) -> None:
    model = STATUS_EVENTS.get(event.event)
    if model is None:
        raise InputInvalid(
            f"{case.name}: there is no event {event.event!r}: {', '.join(sorted(STATUS_EVENTS))}",
            operation="rules test",
        )
    given = event.model_extra or {}
    if model is DeviceStatusChanged:
        given = {"groups": list(case.groups)} | given
    fields: dict[str, Any] = getattr(model.model_fields["data"].annotation, "model_fields", {})
    filled: dict[str, Any] = {
        "entity": "thing",
        "what": given.get("status", ""),
        "previous": "unknown",
        "reason": "test",
        "summary": f"{given.get('entity', device)} is {given.get('status', '')}",
        "since": instant_text(_ms(event.at)),
        "engine": "docker",
        "kind": "compose",
        "path": given.get("entity", "thing"),
    }
    data = {name: value for name, value in filled.items() if name in fields and fields[name].is_required()} | given
    at_ms, time_ms = _ms(event.at + event.sent_after), _ms(event.at)
    attributes = {"at_ms": at_ms, "time_ms": time_ms, "source": "/streams/test", "sequence": sequence}
    log.put(device, model.TYPE, data, **attributes)


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
