"""What holds of a combination, by group: kept by part and series, and only while it holds."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from streams.alerts.combination import Combination
from streams.alerts.compiled import Compiled, Labels
from streams.alerts.draft import Draft
from streams.alerts.state import MOST_HELD, Held

TOO_MANY_HELD = "too_many_held"


@dataclass(frozen=True, slots=True)
class Touched:
    """A group of a combination of which something may have changed."""

    compiled: Compiled
    key: str

    @property
    def labels(self) -> dict[str, str]:
        """The labels that the group is known by."""
        found: dict[str, str] = orjson.loads(self.key) if self.key else {}
        return found


def group_key(combination: Combination, labels: Labels) -> str:
    """The name of the group that a series is in; empty where it lacks a label and so counts for all of them."""
    found = {name: value for name, value in labels if name in combination.by}
    return orjson.dumps(found).decode() if found and len(found) == len(combination.by) else ""


def hold(draft: Draft, group: str, part: str, *, holds: bool, cleared: bool, held: Held) -> None:
    """Remember that a part holds on a series, or forget it; in between, that it was seen."""
    before = draft.held.now.get(group, {})
    if part in before:
        after = {name: one for name, one in before.items() if name != part}
        if not cleared:
            after[part] = held
    elif holds:
        if sum(len(one) for one in draft.held.now.values()) >= MOST_HELD:
            draft.note(TOO_MANY_HELD)
            return
        after = {**before, part: held}
    else:
        return
    if after:
        draft.held.put(group, after)
    else:
        draft.held.drop(group)


def held_leaves(draft: Draft, compiled: Compiled, group: str) -> dict[int, Held]:
    """The conditions that hold in a group, by their number: its own, and those that count for every group."""
    found: dict[int, Held] = {}
    for key in dict.fromkeys((group, "")):
        for part, held in draft.held.now.get(f"{compiled.meaning}|{key}", {}).items():
            found.setdefault(int(part.partition("|")[0]), held)
    return found


def touched_groups(draft: Draft, changed: Iterable[tuple[Compiled, str]]) -> list[Touched]:
    """The groups to judge again: those of the series, and all of a rule where a part counts for every one."""
    found: dict[tuple[str, str], Touched] = {}
    for compiled, key in changed:
        every = not key and compiled.combination is not None and compiled.combination.by
        for one in (key, *(_known_groups(draft, compiled) if every else ())):
            found[compiled.rule.name, one] = Touched(compiled, one)
    return list(found.values())


def _known_groups(draft: Draft, compiled: Compiled) -> list[str]:
    prefix = f"{compiled.meaning}|"
    held = [key.removeprefix(prefix) for key in draft.held.now if key.startswith(prefix)]
    prefix = compiled.instance_key("")
    alive = [key.removeprefix(prefix) for key in draft.instances.now if key.startswith(prefix)]
    return list(dict.fromkeys((*held, *alive)))
