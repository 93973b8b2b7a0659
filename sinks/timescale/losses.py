"""Ranges of the log that were gone before this sink had read them: recorded as gaps, never passed over in silence."""

from uuid import NAMESPACE_URL, uuid5

from schemas.gap import GapData, GapDetected
from schemas.identity import derived_id
from sinks.timescale.batch import CONSUMER
from sinks.timescale.rows import moment

SOURCE = f"/sinks/{CONSUMER}"
GAPS = uuid5(NAMESPACE_URL, f"infrastructor{SOURCE}/gaps")
"""What the ids of this sink's gaps are derived from."""


def lost_range(topic: str, partition: int, *, first: int, last: int, now_ms: int) -> GapDetected:
    """The report of offsets `first` to `last`; its id depends on what is lost alone, so that it is stored once."""
    return GapDetected(
        id=derived_id(GAPS, topic, str(partition), str(first), str(last)),
        source=SOURCE,
        subject=f"_partition-{partition}",
        time=moment(now_ms),
        data=GapData(
            counted_by="offset",
            scope=CONSUMER,
            topic=topic,
            subject=f"_partition-{partition}",
            partition=partition,
            first=first,
            last=last,
            reason="retention",
            detail=f"{topic}/{partition} begins at {last + 1}, the sink had stored up to {first - 1}",
        ),
    )
