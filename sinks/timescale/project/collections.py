"""collection.*: the audit trail, one row a look."""

from typing import assert_never

from schemas.collection import CollectionCompleted, CollectionFailed
from sinks.timescale.rows import CollectionRow


def row(event: CollectionCompleted | CollectionFailed) -> CollectionRow:
    """The row of one look, in the order of `copy_collections`."""
    events = attempts = error_code = age = None
    match event:
        case CollectionCompleted(data=completed):
            events, message, age = completed.events, completed.reason, completed.age_seconds
        case CollectionFailed(data=failed):
            attempts, error_code, message = failed.attempts, failed.error_code, failed.message
        case _:
            assert_never(event)
    data = event.data
    return (
        event.time,
        event.id,
        event.subject,
        data.collector,
        data.status,
        data.requested_by,
        data.duration_seconds,
        data.shortest_interval_seconds,
        data.clock_skew_seconds,
        age,
        data.output_bytes,
        events,
        attempts,
        error_code,
        message,
        data.command_hash,
        event.correlationid,
    )
