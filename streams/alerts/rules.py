"""The rules of alerts: the model of `rules.yaml`, which is the document of `rules.loaded` of the kind `alert_rules`."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import orjson
import yaml
from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from runtime.errors import InputInvalid
from schemas.alert import Severity
from schemas.fields import LabelName, LabelValue, Name, Text
from streams.alerts import templates
from streams.alerts.combination import AnyCondition, Combination, check_selection
from streams.alerts.conditions import Absent, AnyLeaf, StatusIs
from streams.alerts.lengths import Length
from streams.alerts.selectors import MOST_GROUPS, Model, Regex, Selector
from streams.rulecheck.lines import read_yaml

MOST_RULES = 1000
MOST_LABELS = 8


Template = Annotated[Text, AfterValidator(templates.check)]
RuleName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z][a-zA-Z0-9_.-]{0,127}$")]


class Flapping(Model):
    """From so many alerts of one series `within` a time on, the next is over only after `quiet` without it."""

    raises: Annotated[int, Field(ge=2, le=50)] = 5
    within: Length = timedelta(hours=1)
    quiet: Length = timedelta(minutes=15)


class Annotations(Model):
    """What people read; see `streams.alerts.templates` for the places that can be filled."""

    summary: Template
    description: Template | None = None


class Rule(Model):
    """One rule: when to raise an alert, when it is over, and what to say.

    `for` and `clear_for` are counted in event time, from sample to sample. Without samples for `stale_after` (of
    liveness; by default five of the look's intervals) an alert is resolved as `no_data`, or kept with `no_data: keep`.
    Status events come only when something changes: there `for` and `clear_for` are counted in liveness.
    """

    name: RuleName
    severity: Severity
    select: Selector | None = None
    condition: AnyCondition
    for_: Length = Field(default=timedelta(0), alias="for")
    clear_for: Length = timedelta(0)
    stale_after: Length | None = None
    no_data: Literal["resolve", "keep"] = "resolve"
    flapping: Flapping | None = Flapping()
    labels: Annotated[dict[LabelName, LabelValue], Field(max_length=MOST_LABELS)] = Field(default_factory=dict)
    annotations: Annotations
    runbook: Text | None = None

    @model_validator(mode="after")
    def _fits_the_condition(self) -> Self:
        check_selection(self.select, self.condition)
        if isinstance(self.condition, Absent) and (self.for_ or self.clear_for or self.stale_after):
            raise ValueError("a condition of the kind absent has `after`, and none of for, clear_for, stale_after")
        if self.reads == "status" and (self.stale_after or self.no_data == "keep"):
            raise ValueError("status lasts until it changes: there is no stale_after and no no_data")
        if isinstance(self.condition, StatusIs) and self.condition.lasts is not None and self.for_:
            raise ValueError("with `lasts` there is no `for`: what happens in a moment holds for no time")
        self._check_texts()
        return self

    def _check_texts(self) -> None:
        for text in (self.annotations.summary, self.annotations.description or ""):
            if (place := templates.misplaced(text, reads=self.reads)) is not None:
                raise ValueError(f"{{{place}}} is never known to a rule about {self.reads}")

    @property
    def reads(self) -> Literal["metrics", "status"]:
        """Which topic it is about."""
        return next(select.reads for select, _ in self.leaves())

    def groups_named(self, groups: Mapping[str, str]) -> dict[str, str]:
        """The groups of the file that it names; others that it names are those of devices.yaml."""
        return {name: groups[name] for select, _ in self.leaves() for name in select.groups if name in groups}

    def leaves(self) -> Iterator[tuple[Selector, AnyLeaf]]:
        """Its conditions with what they select, one if it is no combination."""
        if isinstance(self.condition, Combination):
            yield from self.condition.leaves()
        elif self.select is not None:
            yield self.select, self.condition

    def selects(self, groups: Mapping[str, str]) -> str:
        """A digest of which series of which devices it is about."""
        facts = [select.model_dump(mode="json", exclude_defaults=True) for select, _ in self.leaves()]
        return _digest({"select": facts, "groups": self.groups_named(groups)})

    def meaning(self, groups: Mapping[str, str]) -> str:
        """A digest of all but the texts: rules of the same meaning judge alike, and their alerts go on.

        `groups` are those of the file: a rule that names one means something else when that changes.
        """
        facts = self.model_dump(
            mode="json", by_alias=True, exclude_defaults=True, exclude={"annotations": True, "runbook": True}
        )
        if named := self.groups_named(groups):
            facts["groups"] = named
        return _digest(facts)


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


class RuleSet(Model):
    """A file of rules; raise `revision` with every change, or it is refused."""

    revision: Annotated[int, Field(ge=0, le=2**31 - 1)]
    groups: Annotated[dict[Name, Regex], Field(max_length=MOST_GROUPS)] = Field(
        default_factory=dict,
        description="Groups of devices, each a regular expression over the device id; besides those of devices.yaml.",
    )
    rules: Annotated[tuple[Rule, ...], Field(max_length=MOST_RULES)] = ()

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        names = [rule.name for rule in self.rules]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"there are two rules named {name}")
        return self


def read_rules(text: str, *, where: str) -> tuple[RuleSet, dict[str, Any]]:
    """The rules in a YAML text, and its document as plain data. Raises InputInvalid, which names the place."""
    try:
        document, _ = read_yaml(text)
    except yaml.YAMLError as error:
        raise InputInvalid(f"{where} is no YAML: {error}", operation="read rules") from error
    if not isinstance(document, dict):
        raise InputInvalid(f"{where} must be a mapping with `revision` and `rules`", operation="read rules")
    try:
        rules = RuleSet.model_validate(document)
        # What is not JSON (a date, a set) has no place in an event.
        plain: dict[str, Any] = orjson.loads(orjson.dumps(document))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise InputInvalid(
            f"{where}: {_place(first['loc'], document)}: {first['msg']}", operation="read rules"
        ) from error
    except TypeError as error:
        raise InputInvalid(f"{where} holds something that is not JSON: {error}", operation="read rules") from error
    return rules, plain


def load_rules(path: Path) -> tuple[RuleSet, dict[str, Any]]:
    """The rules in a file. Raises InputInvalid."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputInvalid(
            f"the rules cannot be read from {path}: {error}; INFRASTRUCTOR_STREAMS__RULES_FILE names the file",
            operation="read rules",
        ) from error
    return read_rules(text, where=str(path))


def _place(location: tuple[int | str, ...], document: dict[str, Any]) -> str:
    """The dotted path of an error, with the rule's name for its number."""
    parts = [str(part) for part in location]
    if len(location) > 1 and location[0] == "rules" and isinstance(location[1], int):
        rule = document["rules"][location[1]]
        if isinstance(rule, dict) and "name" in rule:
            parts[1] = str(rule["name"])
    return ".".join(parts) or "the file"
