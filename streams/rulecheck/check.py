"""What is wrong with a file of rules: errors, which refuse it, and warnings, which a person should look at.

Notes say what the file alone cannot show to be right.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import yaml
from pydantic import ValidationError

from runtime.errors import InputInvalid
from streams.alerts.conditions import Above, Absent, AnyLeaf, Below, Deviates, Outside, StatusIs, Threshold
from streams.alerts.rules import Rule, RuleSet, read_rules
from streams.alerts.selectors import Selector, known_values
from streams.patterns import matches_whole
from streams.rulecheck.known import BOUNDS, KNOWN, Bounds, nearest
from streams.rulecheck.lines import Lines, read_yaml

KEEPS_BOUNDS = {"average", "minimum", "maximum", "quantile"}
NOT_NEGATIVE = {"increase", "rate", "count"}
OF_COUNTERS = {"increase", "rate", "change", "predicted"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to mend, and on which line."""

    line: int
    level: Literal["error", "warning", "note"]
    message: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found, by line; and the rules, if they can be read."""

    findings: tuple[Finding, ...]
    rules: RuleSet | None

    @property
    def errors(self) -> int:
        """How many findings refuse the file."""
        return self._count("error")

    @property
    def warnings(self) -> int:
        """How many findings a person should look at."""
        return self._count("warning")

    def _count(self, level: str) -> int:
        return sum(one.level == level for one in self.findings)


def check(text: str, *, where: str) -> Checked:
    """Check a file of rules."""
    try:
        document, lines = read_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return Checked((Finding(1 if mark is None else mark.line + 1, "error", f"no YAML: {_one_line(error)}"),), None)
    try:
        rules, _ = read_rules(text, where=where)
    except InputInvalid as error:
        if isinstance(error.__cause__, ValidationError):
            return Checked(tuple(_refused(error.__cause__, lines, document)), None)
        return Checked((Finding(1, "error", error.message),), None)
    found: list[Finding] = []
    for number, rule in enumerate(rules.rules):
        found += _of_rule(rule, number, lines)
        found += _groups(rule, number, lines, known=rules.groups)
    return Checked(tuple(sorted(found, key=lambda one: one.line)), rules)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _refused(error: ValidationError, lines: Lines, document: object) -> Iterator[Finding]:
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        loc = one["loc"]
        rule = ""
        if len(loc) > 1 and loc[0] == "rules" and isinstance(document, dict) and isinstance(loc[1], int):
            named = document["rules"][loc[1]]
            rule = f"{named['name']}: " if isinstance(named, dict) and "name" in named else ""
        field = ".".join(str(part) for part in (loc[2:] if rule else loc))
        message = one["msg"].removeprefix("Value error, ")
        yield Finding(lines.of(loc), "error", f"{rule}{field + ': ' if field else ''}{message}")


def _of_rule(rule: Rule, number: int, lines: Lines) -> Iterator[Finding]:
    path: tuple[str | int, ...] = ("rules", number)
    for select, condition in rule.leaves():
        line = lines.of((*path, "condition" if rule.select is None else "select"))
        at_condition = lines.of((*path, "condition"))
        if select.metric is not None and select.metric not in KNOWN:
            near = nearest(select.metric)
            hint = f"; did you mean {near}?" if near else ""
            message = f"{rule.name}: no collector of this project emits {select.metric}{hint}"
            yield Finding(line, "warning", message)
        for message in _never(select, condition):
            yield Finding(at_condition, "warning", f"{rule.name}: {message}")
    if rule.runbook is None:
        yield Finding(lines.of((*path, "name")), "warning", f"{rule.name}: no runbook says what to do")


def _groups(rule: Rule, number: int, lines: Lines, *, known: Mapping[str, str]) -> Iterator[Finding]:
    """The groups that the file does not define: those of devices.yaml, or a slip of the pen."""
    line = lines.of(("rules", number, "condition" if rule.select is None else "select", "groups"))
    for name in dict.fromkeys(name for select, _ in rule.leaves() for name in select.groups if name not in known):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        message = f"{rule.name}: the file has no group {name}"
        if near:
            yield Finding(line, "warning", f"{message}; did you mean {near[0]}?")
        else:
            yield Finding(line, "note", f"{message}: only devices that devices.yaml puts into it are watched")


def _never(select: Selector, condition: AnyLeaf) -> Iterator[str]:
    """Why a condition can never hold, or can never clear."""
    match condition:
        case Absent():
            return
        case StatusIs():
            yield from _status_never(select.event or "", condition)
        case Above() | Below() | Outside() | Deviates():
            kind = KNOWN.get(select.metric or "")
            take = None if condition.of is None else condition.of.take
            if kind == "counter" and take not in OF_COUNTERS:
                yield f"{select.metric} only rises: once above, it never clears; use of: {{take: increase, window: 1h}}"
            if kind is not None:
                yield from _levels_never(condition, _bounds(BOUNDS[kind], take))


def _bounds(bounds: Bounds, take: str | None) -> Bounds:
    if take is None or take in KEEPS_BOUNDS:
        return bounds
    return Bounds(0 if take in NOT_NEGATIVE else float("-inf"), float("inf"))


def _levels_never(condition: Threshold | Deviates, bounds: Bounds) -> Iterator[str]:
    between = f"values lie between {bounds.low:g} and {bounds.high:g}"
    match condition:
        case Deviates():
            if condition.by >= bounds.high - bounds.low:
                yield f"it can never hold: {between}, none is further than {condition.by:g} from another"
        case Above():
            if condition.level >= bounds.high:
                yield f"it can never hold: {between}"
            if (condition.level if condition.clear is None else condition.clear) < bounds.low:
                yield f"it can never clear: {between}"
        case Below():
            if condition.level <= bounds.low:
                yield f"it can never hold: {between}"
            if (condition.level if condition.clear is None else condition.clear) > bounds.high:
                yield f"it can never clear: {between}"
        case Outside():
            low = condition.low if condition.clear_low is None else condition.clear_low
            high = condition.high if condition.clear_high is None else condition.clear_high
            if condition.low <= bounds.low and condition.high >= bounds.high:
                yield f"it can never hold: {between}"
            if high < bounds.low or low > bounds.high:
                yield f"it can never clear: {between}"


def _status_never(event: str, condition: StatusIs) -> Iterator[str]:
    for name, fields in (("when", condition.when), ("clear", condition.clear or {})):
        for field, values in _closed(event, fields).items():
            if not any(matches_whole(fields[field], value) for value in values):
                never = "hold" if name == "when" else "clear"
                known = ", ".join(values)
                yield f"it can never {never}: no {field} of {event} matches {fields[field]!r}, they are {known}"
    closed = _closed(event, condition.when)
    everything = len(closed) == len(condition.when) and all(
        matches_whole(condition.when[field], value) for field, values in closed.items() for value in values
    )
    if everything and condition.lasts is None:
        yield f"it can never clear: every {event} matches `when`; say how long it `lasts`"
    if condition.lasts is None and condition.clear is None and set(condition.when) == {"what"} and not everything:
        yield "`what` happens in a moment and clears with the next event of the thing; say how long it `lasts`"


def _closed(event: str, fields: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The fields of which every value is known, with their values."""
    found = {field: known_values(event, field) for field in fields}
    return {field: values for field, values in found.items() if values is not None}
