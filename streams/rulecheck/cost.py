"""What a rule costs the streams worker, for each series that it judges."""

from dataclasses import dataclass

from streams.alerts.compiled import reduction_of
from streams.alerts.rules import Rule
from streams.alerts.windows import MOST_SAMPLES

PLAIN_US = 0.4
WINDOW_US = {"predicted": 40.0, "quantile": 15.0}
OTHER_WINDOW_US = 9.0
COMBINED_US = 8.0
"""Microseconds a sample, a full window where there is one; measured on one core of a small server."""

SAMPLE_BYTES = 26
HELD_BYTES = 120


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds for each sample, and bytes of state for each series, when nothing is wrong."""

    microseconds: float
    state_bytes: int
    why: str


def cost_of(rule: Rule) -> Cost:
    """An estimate: what a sample of one series costs, and what is remembered of it."""
    microseconds, state, parts = 0.0, 0, []
    leaves = list(rule.leaves())
    for _, condition in leaves:
        reduction = reduction_of(condition)
        if reduction is None:
            microseconds += PLAIN_US
        else:
            microseconds += WINDOW_US.get(reduction.take, OTHER_WINDOW_US)
            state += MOST_SAMPLES * SAMPLE_BYTES
            parts.append(f"a window of {reduction.window_ms // 1000} s, at most {MOST_SAMPLES} samples")
    if len(leaves) > 1:
        microseconds += COMBINED_US
        state += HELD_BYTES * len(leaves)
        parts.append(f"{len(leaves)} conditions together")
    return Cost(microseconds, state, ", ".join(parts) or "the last value")
