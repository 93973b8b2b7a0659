"""A batch made ready for the database: every row packed, before the transaction that stores them begins."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from schemas.metric_look import MetricLook
from sinks.timescale.batch import Item
from sinks.timescale.binary import EventPacker, pack_collections, pack_samples, pack_staged
from sinks.timescale.project import project
from sinks.timescale.rows import Rows
from sinks.timescale.samples import sorted_columns, staged_columns
from sinks.timescale.series import Ids, Layout

UPSERTS = (
    ("devices", "upsert_devices"),
    ("devices", "update_first_seen"),
    ("retirements", "upsert_retirements"),
    ("statuses", "insert_status_changes"),
    ("statuses", "upsert_device_status"),
    ("raised", "upsert_alerts"),
    ("resolved", "upsert_alerts"),
    ("remarks", "upsert_alert_remarks"),
    ("transitions", "insert_alert_transitions"),
    ("requests", "upsert_requests"),
    ("outcomes", "upsert_outcomes"),
    ("gaps", "upsert_gaps"),
    ("closings", "upsert_closings"),
    ("rule_sets", "upsert_rule_sets"),
    ("letters", "upsert_dead_letters"),
    ("entity_looks", "upsert_entity_looks"),
    ("containers", "upsert_containers"),
    ("container_ports", "upsert_container_ports"),
    ("drives", "upsert_drives"),
    ("drive_attributes", "upsert_drive_attributes"),
    ("drive_self_tests", "upsert_drive_self_tests"),
    ("pools", "upsert_pools"),
    ("pool_devices", "upsert_pool_devices"),
    ("datasets", "upsert_datasets"),
    ("services", "upsert_services"),
    ("network_interfaces", "upsert_network_interfaces"),
    ("network_addresses", "upsert_network_addresses"),
    ("listening_ports", "upsert_listening_ports"),
    ("network_routes", "upsert_network_routes"),
    ("network_neighbours", "upsert_network_neighbours"),
    ("packages", "upsert_packages"),
    ("package_updates", "upsert_package_updates"),
    ("config_files", "upsert_config_files"),
    ("config_contents", "upsert_config_contents"),
    ("config_changes", "insert_config_changes"),
    ("entity_changes", "insert_entity_changes"),
    ("entity_changes", "upsert_entity_status"),
    ("baselines", "upsert_baselines"),
    ("silences", "upsert_silences"),
    ("silence_ends", "upsert_silence_ends"),
    ("maintenance", "upsert_maintenance"),
    ("maintenance_ends", "upsert_maintenance_ends"),
    ("minutes", "touch_rollups"),
)
"""Which rows go through which statement, always in this order, so that writers lock tables in one order."""


class Unpackable(Exception):
    """A value that no column of its type can hold, such as a whole number beyond 64 bits."""


@dataclass(frozen=True, slots=True)
class Packed:
    """What the statements are given. Bodies are whole COPY streams; `upserts` are (statement, JSON rows)."""

    events: bytes
    samples: bytearray
    collections: bytes
    upserts: tuple[tuple[str, bytes], ...]
    looks: Sequence[MetricLook]
    layouts: Mapping[Layout, Ids]
    event_rows: int
    sample_rows: int
    collection_rows: int
    answer: Mapping[UUID, int] = field(default_factory=dict)
    """Series ids that were asked for inside this transaction: true once it is committed."""

    forgotten: int = 0
    """How often the series had been forgotten when this was packed: after another time its ids mean nothing."""

    def staged(self) -> bytearray:
        """The samples with the numbers of their looks, for a merge."""
        columns, looks = staged_columns(self.looks, self.layouts)
        return pack_staged(*columns, looks)


def rows_of(items: Sequence[Item]) -> Rows:
    """The rows of some items; an event that stands among them twice, under two numbers, becomes rows once."""
    records = {item.record.event.id: item.record for item in reversed(items) if item.record is not None}
    rows = project(reversed(records.values()))
    rows.letters = [item.letter for item in items if item.letter is not None]
    return rows


def pack(
    rows: Rows,
    layouts: Mapping[Layout, Ids],
    *,
    packer: EventPacker,
    answer: Mapping[UUID, int] | None = None,
    forgotten: int = 0,
) -> Packed:
    """Pack some rows; `layouts` knows the series of every look. Raises Unpackable."""
    columns = sorted_columns(rows.looks, layouts)
    sample_rows = len(columns[0])
    try:
        return Packed(
            events=packer.pack(rows.events),
            samples=pack_samples(*columns),
            collections=pack_collections(rows.collections),
            upserts=tuple(
                (statement, orjson.dumps(found)) for name, statement in UPSERTS if (found := getattr(rows, name))
            ),
            looks=rows.looks,
            layouts=layouts,
            event_rows=len(rows.events),
            sample_rows=sample_rows,
            collection_rows=len(rows.collections),
            answer=answer or {},
            forgotten=forgotten,
        )
    except (struct.error, ValueError, OverflowError, orjson.JSONEncodeError) as error:
        raise Unpackable(str(error)) from error
