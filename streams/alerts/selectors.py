"""What a condition is about: series of a metric, or the status events of one type, at which devices."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.envelope import Envelope
from schemas.fields import LabelName, LabelValue, MetricName, Name
from schemas.registry import STATUS, TOPICS
from streams.patterns import checked

MOST_GROUPS = 100


Regex = Annotated[str, StringConstraints(max_length=512), AfterValidator(checked)]
"""A regular expression in the syntax of RE2, which must match the whole value."""

STATUS_EVENTS: Mapping[str, type[Envelope]] = {
    model.TYPE.removeprefix("infrastructor.").rsplit(".", 1)[0]: model
    for model, topics in TOPICS.items()
    if topics == (STATUS,)
}
"""What can be selected of `infra.status`, by its short name: `container.status_changed`."""


UNKEPT = {"evidence", "differences", "diff", "failing"}
"""The fields of status events that are not kept: proofs and lists, which can be long."""


def _status_event(name: str) -> str:
    if name not in STATUS_EVENTS:
        raise ValueError(f"there is no event {name!r} in {STATUS}: {', '.join(sorted(STATUS_EVENTS))}")
    return name


class Model(BaseModel):
    """A piece of the file of rules: frozen, with unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Selector(Model):
    """Which series: the metric's name, labels that are equal, labels that match, devices that match.

    Of status events there is one label, `entity`: which container, drive, unit, file it is about.
    """

    metric: MetricName | None = None
    event: Annotated[str, AfterValidator(_status_event)] | None = None
    labels: dict[LabelName, LabelValue] = Field(default_factory=dict)
    labels_match: dict[LabelName, Regex] = Field(
        default_factory=dict, description="A label that is absent counts as empty."
    )
    devices: Regex | None = None
    groups: tuple[Name, ...] = Field(
        default=(), description="A device must be in one of them: by the file's `groups`, or by its devices.yaml."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.metric is None) == (self.event is None):
            raise ValueError("select names a `metric`, or an `event` of infra.status")
        return self

    @property
    def reads(self) -> Literal["metrics", "status"]:
        """Which topic it is about."""
        return "status" if self.metric is None else "metrics"


def field_text(data: Mapping[str, Any], path: str) -> str:
    """A field of an event's data as text, for matching: `status`, `after.exit_code`; absent is empty."""
    first, _, rest = path.partition(".")
    value = data.get(first)
    if rest:
        value = value.get(rest) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def known_values(event: str, field: str) -> tuple[str, ...] | None:
    """The values that a field of a status event can have; None where it can have any. Raises ValueError: no such."""
    data = STATUS_EVENTS[event].model_fields["data"].annotation
    fields: dict[str, Any] = getattr(data, "model_fields", {})
    first, _, rest = field.partition(".")
    if first not in fields.keys() - UNKEPT or bool(rest) != (first in {"before", "after"}):
        names = ", ".join(sorted((fields.keys() - {"before", "after"} - UNKEPT) | {"before.<fact>", "after.<fact>"}))
        raise ValueError(f"{event} has no field {field!r}: {names}")
    if rest:
        return None
    annotation = fields[first].annotation
    for one in (annotation, *get_args(annotation)):
        if get_origin(one) is Literal:
            return tuple(str(value) for value in get_args(one))
    return None
