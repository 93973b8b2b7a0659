"""rules.loaded: each set of rules once, however many partitions it was put into."""

from schemas.rules import RulesLoaded
from sinks.timescale.rows import RuleSetRow


def row(event: RulesLoaded) -> RuleSetRow:
    """The row of a set; the same hash gives the same row but for its time."""
    data = event.data
    return RuleSetRow(data.kind, data.hash, data.revision, data.document, event.time)
