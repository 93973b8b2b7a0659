"""The summary of a run, one JSON object: what `--summary json` prints, and `docs/summary.md` describes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cli.up.tally import Tally

_TOLD = ("requested", "delivered", "failed", "suppressed")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known when a run is over, beside the counts of its records.

    `stored`: rows added by table. `gaps`: open ones. `consistent`: everything published had been stored before the end.
    """

    kafka: str
    database_url: str
    seconds: float
    phases: Mapping[str, float]
    peak_bytes: Mapping[str, int]
    restarts: Mapping[str, int]
    stored: Mapping[str, int] = field(default_factory=dict)
    gaps: int = 0
    consistent: bool = False


def summary(tally: Tally, outcome: Outcome) -> dict[str, object]:
    """Return the summary as plain data."""
    return {
        "published": dict(sorted(tally.published.items())),
        "derived": dict(sorted(tally.derived.items())),
        "stored": dict(outcome.stored),
        "dead_letters": tally.dead_letters,
        "gaps": outcome.gaps,
        "notifications": {told: tally.outcomes[told] for told in _TOLD},
        "suppressed_by_reason": dict(sorted(tally.suppressed.items())),
        "peak_rss_bytes": dict(outcome.peak_bytes),
        "restarts": dict(outcome.restarts),
        "kafka": outcome.kafka,
        "database_url": outcome.database_url,
        "seconds": round(outcome.seconds, 1),
        "phases_seconds": {name: round(at, 1) for name, at in outcome.phases.items()},
        "consistent": outcome.consistent,
    }
