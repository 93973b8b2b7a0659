"""gap.*: holes that were reported, and those that are whole again."""

from typing import assert_never

from schemas.gap import GapClosed, GapDetected
from sinks.timescale.rows import ClosingRow, GapRow, Rows


def project(event: GapDetected | GapClosed, rows: Rows) -> None:
    """Add a report or a closing."""
    match event:
        case GapDetected(data=gap):
            rows.gaps.append(
                GapRow(
                    gap_id=event.id,
                    detected_at=event.time,
                    source=event.source,
                    counted_by=gap.counted_by,
                    scope=gap.scope,
                    topic=gap.topic,
                    subject=gap.subject,
                    partition=gap.partition,
                    first_missing=gap.first,
                    last_missing=gap.last,
                    reason=gap.reason,
                    detail=gap.detail,
                )
            )
        case GapClosed(data=closed):
            rows.closings.append(
                ClosingRow(
                    gap_id=closed.gap_id,
                    scope=closed.scope,
                    topic=closed.topic,
                    subject=closed.subject,
                    first_missing=closed.first,
                    last_missing=closed.last,
                    closed_at=event.time,
                    closed_event_id=event.id,
                )
            )
        case _:
            assert_never(event)
