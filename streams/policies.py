"""The file of policies: sections of one revision, each the document of a `rules.loaded` of its own kind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.errors import InputInvalid
from schemas.rules import RulesKind
from streams.device_status.policy import StatusPolicy
from streams.entity_status.policy import EntityPolicy
from streams.notifications.policy import NotificationPolicy
from streams.rulecheck.lines import Lines, read_yaml

SECTIONS: Mapping[str, RulesKind] = {
    "status": "status_policy",
    "entities": "entity_policy",
    "notifications": "notification_policy",
}
"""The kind of each section."""


class Policies(BaseModel):
    """A file of policies; raise `revision` with every change, or it is refused. What is left out has its default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    revision: Annotated[int, Field(ge=0, le=2**31 - 1)]
    status: StatusPolicy = StatusPolicy()
    entities: EntityPolicy = EntityPolicy()
    notifications: NotificationPolicy = NotificationPolicy()


@dataclass(frozen=True, slots=True)
class Mistake:
    """What refuses a file, and on which line, from 1."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """What was read: the policies as they hold, and the documents as they stand in the file, by kind."""

    policies: Policies
    documents: Mapping[RulesKind, dict[str, Any]]


def check_policies(text: str) -> PolicyFile | tuple[Mistake, ...]:
    """The policies in a text of YAML, or everything that is wrong with it."""
    try:
        document, lines = read_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or str(error)
        return (Mistake(1 if mark is None else mark.line + 1, f"no YAML: {why}"),)
    if not isinstance(document, dict):
        return (Mistake(1, f"must be a mapping with `revision` and any of {', '.join(SECTIONS)}"),)
    # An empty section is one without a change.
    given = {name: {} if value is None and name in SECTIONS else value for name, value in document.items()}
    try:
        policies = Policies.model_validate(given)
        plain = orjson.loads(orjson.dumps({name: given.get(name, {}) for name in SECTIONS}))
    except ValidationError as error:
        return tuple(sorted(_mistakes(error, lines), key=lambda one: one.line))
    except TypeError as error:
        return (Mistake(1, f"holds something that is not JSON: {error}"),)
    return PolicyFile(policies, {kind: plain[name] for name, kind in SECTIONS.items()})


def load_policies(path: Path) -> PolicyFile:
    """The policies in a file. Raises InputInvalid, which names file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputInvalid(
            f"the policies cannot be read from {path}: {error}; INFRASTRUCTOR_STREAMS__POLICIES_FILE names the file",
            operation="read policies",
        ) from error
    checked = check_policies(text)
    if isinstance(checked, PolicyFile):
        return checked
    raise InputInvalid("; ".join(f"{path}:{one.line}: {one.message}" for one in checked), operation="read policies")


def _mistakes(error: ValidationError, lines: Lines) -> Iterator[Mistake]:
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(str(part) for part in one["loc"])
        message = one["msg"].removeprefix("Value error, ")
        yield Mistake(lines.of(one["loc"]), f"{field}: {message}" if field else message)
