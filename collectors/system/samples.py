"""Samples as the OpenTelemetry semantic conventions for system metrics name them."""

from collections.abc import Mapping

from schemas.metric import Sample

BYTES = "By"
SECONDS = "s"
RATIO = "1"
CELSIUS = "Cel"

LONGEST_LABEL = 1024


def sample(name: str, value: float, unit: str, labels: Mapping[str, str] | None = None) -> Sample:
    """Return a sample; label values are cut where the schema would refuse them."""
    return Sample(
        name=name,
        value=float(value),
        unit=unit,
        labels={key: text.replace("\x00", "")[:LONGEST_LABEL] for key, text in (labels or {}).items()},
    )


def ratio(part: float, total: float) -> float:
    """Return part / total within 0..1; 0 when there is nothing."""
    return min(1.0, max(0.0, part / total)) if total > 0 else 0.0
