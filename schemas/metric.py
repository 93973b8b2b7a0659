"""metric.collected: all samples of one look at a device.

Names, units (UCUM) and labels follow the OpenTelemetry semantic conventions for system metrics.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, StringConstraints, field_validator

from schemas.envelope import Envelope
from schemas.fields import Finite, Labels, MetricName, Part

MAX_SAMPLES = 10_000
UNIT_PATTERN = r"^[!-~]{1,63}$"


def _last_of_each_name(labels: Any) -> Any:
    """Let pydantic see a built dict: of a name that occurs twice in the text the last counts, as in `metric_look`."""
    return labels


class Sample(Part):
    """One measured value: `unit` is a UCUM code (`1` for a ratio, `By`, `s`, `{process}`)."""

    name: MetricName
    value: Finite
    unit: Annotated[str, StringConstraints(pattern=UNIT_PATTERN)]
    labels: Annotated[Labels, BeforeValidator(_last_of_each_name)] = Field(default_factory=dict)


class MetricCollectedData(Part):
    """The samples of one look; a name with its labels occurs once."""

    collector: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    interval_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None, description="How often this look is meant to happen."
    )
    samples: Annotated[tuple[Sample, ...], Field(min_length=1, max_length=MAX_SAMPLES)]

    @field_validator("samples")
    @classmethod
    def _each_series_once(cls, samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
        seen: set[Any] = set()
        for sample in samples:
            key = (sample.name, frozenset(sample.labels.items()))
            if key in seen:
                raise ValueError(twice(sample.name, sample.labels))
            seen.add(key)
        return samples


def twice(name: str, labels: dict[str, str]) -> str:
    """The sentence about a series that stands twice in one event."""
    return f"{name} with the labels {dict(sorted(labels.items()))} occurs twice"


class MetricCollected(Envelope):
    """What one look measured."""

    TYPE: ClassVar[str] = "infrastructor.metric.collected.v1"
    type: Literal["infrastructor.metric.collected.v1"] = "infrastructor.metric.collected.v1"
    data: MetricCollectedData
