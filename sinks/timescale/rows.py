"""What events become: the rows of each table. Frozen rows with the names of the statements' columns.

Times are aware UTC datetimes, as orjson and the binary packer take them.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schemas.metric_look import MetricLook
from schemas.record import AnyRead, Record

ReadRecord = Record[AnyRead]


def moment(unix_ms: int) -> datetime:
    """A time in milliseconds since 1970 as an aware datetime."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC)


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """`devices`: the whole record of a device at one time."""

    device_id: str
    observed_at: datetime
    event_id: UUID
    hostname: str | None
    machine_id: str | None
    boot_id: str | None
    kernel: str | None
    architecture: str | None
    os_id: str | None
    os_version: str | None
    os_name: str | None
    processor_model: str | None
    processor_count: int | None
    memory_bytes: int | None
    agent_id: str | None
    agent_version: str | None
    groups: tuple[str, ...]
    parents: tuple[str, ...]
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class RetirementRow:
    """`devices`: that one is no longer watched."""

    device_id: str
    retired_at: datetime
    event_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class StatusRow:
    """`status_changes` and, the newest of a device, `device_status`."""

    time: datetime
    event_id: UUID
    device_id: str
    previous: str
    status: str
    reason: str
    summary: str
    since: datetime
    clock_skew_seconds: float | None
    failing: list[dict[str, Any]]
    appended_at: datetime


CollectionRow = tuple[
    datetime,
    UUID,
    str,
    str,
    str,
    str,
    float,
    float,
    float | None,
    float | None,
    int | None,
    int | None,
    int | None,
    str | None,
    str | None,
    str | None,
    UUID | None,
]
"""`collections`, in the order of the statement `copy_collections`: packed without a detour, for there are many."""


@dataclass(frozen=True, slots=True)
class AlertRow:
    """`alerts`: the part that raised or resolved brings."""

    alert_id: UUID
    device_id: str
    rule: str
    rule_revision: int
    severity: str
    labels: dict[str, str]
    unit: str | None
    raised_at: datetime
    summary: str
    historical: bool
    since: datetime | None = None
    value: float | None = None
    threshold: float | None = None
    description: str | None = None
    runbook: str | None = None
    resolved_at: datetime | None = None
    resolved_event_id: UUID | None = None
    resolved_reason: str | None = None
    resolved_value: float | None = None


@dataclass(frozen=True, slots=True)
class RemarkRow:
    """`alert_remarks`: what an operator said of an alert."""

    alert_id: UUID
    time: datetime
    event_id: UUID
    acknowledged: bool
    operator: str
    comment: str | None


@dataclass(frozen=True, slots=True)
class TransitionRow:
    """`alert_transitions`: one event about an alert."""

    event_id: UUID
    time: datetime
    alert_id: UUID
    transition: str
    device_id: str
    appended_at: datetime
    rule: str | None = None
    severity: str | None = None
    value: float | None = None
    reason: str | None = None
    operator: str | None = None
    comment: str | None = None
    evidence: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RequestRow:
    """`notifications`: what was requested."""

    notification_id: UUID
    device_id: str
    receiver: str
    alert_ids: tuple[UUID, ...]
    requested_at: datetime
    kind: str
    rule: str | None
    severity: str
    title: str
    body: str
    since: datetime | None
    runbook: str | None


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """`notifications`: what became of a request, or that there was none and why."""

    notification_id: UUID
    device_id: str
    receiver: str | None
    outcome: str
    outcome_at: datetime
    outcome_event_id: UUID
    alert_ids: tuple[UUID, ...] = ()
    attempts: int | None = None
    message_id: str | None = None
    already_there: bool | None = None
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class LetterRow:
    """`dead_letters`; key and value are base64 of at most the first 64 KiB."""

    consumer: str
    topic: str
    partition: int
    kafka_offset: int
    reason: str
    field: str
    message: str
    attempts: int
    appended_at: datetime | None
    failed_at: datetime
    key: str | None
    value: str | None
    value_bytes: int | None
    headers: dict[str, str]
    letter_partition: int
    letter_offset: int


@dataclass(frozen=True, slots=True)
class GapRow:
    """`gaps`: a reported hole."""

    gap_id: UUID
    detected_at: datetime
    source: str
    counted_by: str
    scope: str
    topic: str
    subject: str
    partition: int | None
    first_missing: int
    last_missing: int
    reason: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class ClosingRow:
    """`gaps`: that one is whole again."""

    gap_id: UUID
    scope: str
    topic: str
    subject: str
    first_missing: int
    last_missing: int
    closed_at: datetime
    closed_event_id: UUID


@dataclass(frozen=True, slots=True)
class RuleSetRow:
    """`rule_sets`: a set of rules, whole."""

    kind: str
    hash: str
    revision: int
    document: dict[str, Any]
    loaded_at: datetime


EntityRow = dict[str, object]
"""A row of a table of watched things: its columns are the fields of the event's model, named once, there."""


@dataclass(slots=True)
class Rows:
    """The rows of a batch, by table. `events` are records as they are: the packer takes what it needs of them."""

    events: list[ReadRecord] = field(default_factory=list)
    looks: list[MetricLook] = field(default_factory=list)
    collections: list[CollectionRow] = field(default_factory=list)
    devices: list[DeviceRow] = field(default_factory=list)
    retirements: list[RetirementRow] = field(default_factory=list)
    statuses: list[StatusRow] = field(default_factory=list)
    raised: list[AlertRow] = field(default_factory=list)
    resolved: list[AlertRow] = field(default_factory=list)
    remarks: list[RemarkRow] = field(default_factory=list)
    transitions: list[TransitionRow] = field(default_factory=list)
    requests: list[RequestRow] = field(default_factory=list)
    outcomes: list[OutcomeRow] = field(default_factory=list)
    letters: list[LetterRow] = field(default_factory=list)
    gaps: list[GapRow] = field(default_factory=list)
    closings: list[ClosingRow] = field(default_factory=list)
    rule_sets: list[RuleSetRow] = field(default_factory=list)
    entity_looks: list[EntityRow] = field(default_factory=list)
    containers: list[EntityRow] = field(default_factory=list)
    container_ports: list[EntityRow] = field(default_factory=list)
    drives: list[EntityRow] = field(default_factory=list)
    drive_attributes: list[EntityRow] = field(default_factory=list)
    drive_self_tests: list[EntityRow] = field(default_factory=list)
    pools: list[EntityRow] = field(default_factory=list)
    pool_devices: list[EntityRow] = field(default_factory=list)
    datasets: list[EntityRow] = field(default_factory=list)
    services: list[EntityRow] = field(default_factory=list)
    network_interfaces: list[EntityRow] = field(default_factory=list)
    network_addresses: list[EntityRow] = field(default_factory=list)
    listening_ports: list[EntityRow] = field(default_factory=list)
    network_routes: list[EntityRow] = field(default_factory=list)
    network_neighbours: list[EntityRow] = field(default_factory=list)
    packages: list[EntityRow] = field(default_factory=list)
    package_updates: list[EntityRow] = field(default_factory=list)
    config_files: list[EntityRow] = field(default_factory=list)
    config_contents: list[EntityRow] = field(default_factory=list)
    config_changes: list[EntityRow] = field(default_factory=list)
    entity_changes: list[EntityRow] = field(default_factory=list)
    baselines: list[EntityRow] = field(default_factory=list)
    silences: list[EntityRow] = field(default_factory=list)
    silence_ends: list[EntityRow] = field(default_factory=list)
    maintenance: list[EntityRow] = field(default_factory=list)
    maintenance_ends: list[EntityRow] = field(default_factory=list)
    minutes: list[EntityRow] = field(default_factory=list)
    """Minutes that got samples."""
