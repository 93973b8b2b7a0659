"""Files of rule tests: what they hold, and how what is wrong in them is named."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from runtime.errors import InputInvalid
from schemas.alert import Severity
from schemas.fields import DeviceId, Name
from streams.alerts.lengths import Length
from streams.rulecheck.notation import series_of, values_over_time

START = "2026-11-21T12:00:00Z"
"""When virtual time begins."""

ENDINGS = ("cleared", "no_data", "rule_removed", "rule_changed", "device_retired")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Texts(_Model):
    """What an alert is to say; what is not given is not compared."""

    summary: str | None = None
    description: str | None = None


class Expected(_Model):
    """One alert event: `at` (from the start), `what` (raised, or why it is over) and `rule`; the rest where given.

    In one line: `960 raised cpu_busy`.
    """

    at: Length
    what: str
    rule: str
    device: str | None = None
    severity: Severity | None = None
    labels: dict[str, str] | None = None
    annotations: Texts | None = None
    since: Length | None = None
    value: float | None = None
    historical: bool = False
    flapping: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_a_line(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        words = value.split()
        if len(words) not in {3, 4} or words[3:] not in ([], ["historical"]):
            raise ValueError(f"{value!r} is not like `960 raised name_of_rule`")
        at: Any = float(words[0]) if words[0].replace(".", "").isdigit() else words[0]
        return {"at": at, "what": words[1], "rule": words[2], "historical": len(words) == 4}

    @field_validator("what")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ("raised", *ENDINGS):
            raise ValueError(f"{value!r} is none of raised, {', '.join(ENDINGS)}")
        return value


class StatusEvent(BaseModel):
    """A status event at a time: `event`, and fields of its data; what is required and not given is filled in."""

    model_config = ConfigDict(frozen=True, extra="allow")

    at: Length
    event: str
    device: DeviceId | None = None
    sent_after: Length = timedelta(0)


class Backlog(_Model):
    """Looks from `after` on until `until` arrive at `until`, as after an outage."""

    after: Length
    until: Length


class Baseline(_Model):
    """An operator accepts the value of a series, or of all series of a metric, before the looks of that time."""

    series: str
    value: float
    at: Length = timedelta(0)


class Case(_Model):
    """One test: series over time, one look `every` so long, a tick before each; status events; what is to follow.

    `groups` are those of the device in devices.yaml; from `retired` on nobody watches it.
    """

    name: str
    device: DeviceId = "web-1"
    every: Length = timedelta(seconds=10)
    lasts: Length | None = Field(default=None, description="Ticks go on for so long; else as long as the series.")
    series: dict[str, str] = Field(default_factory=dict)
    events: tuple[StatusEvent, ...] = ()
    backlog: Backlog | None = None
    groups: tuple[Name, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    retired: Length | None = None
    expect: tuple[Expected, ...]

    @field_validator("series", mode="before")
    @classmethod
    def _numbers_are_values(cls, value: Any) -> Any:
        return {name: str(one) for name, one in value.items()} if isinstance(value, dict) else value

    @field_validator("series")
    @classmethod
    def _readable(cls, value: dict[str, str]) -> dict[str, str]:
        for name, notation in value.items():
            series_of(name)
            values_over_time(notation)
        return value

    @model_validator(mode="after")
    def _has_input(self) -> Self:
        if not self.series and not self.events:
            raise ValueError("a test has `series` or `events`")
        if not self.series and (self.baselines or self.retired is not None):
            raise ValueError("`baselines` and `retired` are for tests with `series`; device.status_changed is an event")
        return self


class TestFile(_Model):
    """A file of tests, and the rules that it tests (beside it, unless the path says otherwise)."""

    __test__ = False

    rules: str
    tests: Annotated[tuple[Case, ...], Field(min_length=1)]


def load_cases(path: Path) -> TestFile:
    """The tests in a file. Raises InputInvalid, which names the test and the field."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_loader())  # noqa: S506 - a safe loader
        return TestFile.model_validate(document)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputInvalid(f"the tests cannot be read from {path}: {error}", operation="rules test") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        if first["loc"][:1] == ("tests",) and len(first["loc"]) > 1 and isinstance(first["loc"][1], int):
            test = document["tests"][first["loc"][1]]
            name = test.get("name") if isinstance(test, dict) else None
            place = f"{name or place}: {'.'.join(str(part) for part in first['loc'][2:])}"
        raise InputInvalid(f"{path}: {place}: {first['msg']}", operation="rules test") from error


def _loader() -> type[yaml.SafeLoader]:
    """The loader in C where there is one: ten times as fast, and reading is most of the time."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)
