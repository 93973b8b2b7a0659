"""All units of a device, out of the text of one look: what `systemctl show` says of each, and of the manager."""

from dataclasses import dataclass, replace
from functools import partial

from collectors.answers import Answer, answer_to, answers_to, split_answers
from collectors.errors import ParseError
from collectors.partly import Partly
from collectors.services.commands import LIST, MANAGER, SHOW, read_list
from collectors.services.units import Unit, blocks, from_list, read_unit
from collectors.services.values import count

BARE = "systemctl"
"""The section's name in errors about the output of one program alone."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What one look read: every unit, and what the manager says of itself.

    `complete` is false when units are missing, or known by their line in the list alone. `unread` says which answers
    could not be read.
    """

    units: tuple[Unit, ...]
    complete: bool = False
    version: str | None = None
    system_state: str | None = None
    failed: int | None = None
    unread: tuple[str, ...] = ()


def parse(text: str) -> Readings:
    """Read a look, or the bare output of `systemctl show` or `systemctl list-units`. ParseError otherwise."""
    found = split_answers(text)
    if not found:
        return _bare(text)
    shown = answers_to(found, SHOW)
    listed = answer_to(found, LIST)
    if not shown and listed is None:
        raise ParseError("there is no answer of systemctl", section=BARE)
    partly = Partly()
    units = {unit.service.unit: unit for one in shown for unit in _shown(one, partly, alone=listed is None)}
    lines = read_list(listed.text, section=listed.place) if listed is not None else ()
    complete = listed is not None and all(line.unit in units for line in lines)
    for line in lines:
        if line.unit not in units:
            units[line.unit] = from_list(line)
    manager = partly.read(lambda: _manager(answer_to(found, MANAGER))) or Readings(())
    return replace(manager, units=tuple(units.values()), complete=complete, unread=partly.unread)


def _shown(answer: Answer, partly: Partly, *, alone: bool) -> list[Unit]:
    """Return the units of an answer. One that cannot be read is left out where the list names it as well."""
    if alone:
        return _units(answer)
    cut = partly.read(lambda: list(blocks(answer.text, section=answer.place))) or []
    read = (partly.read(partial(read_unit, block, section=answer.place)) for block in cut)
    return [unit for unit in read if unit is not None]


def _bare(text: str) -> Readings:
    lines = text.strip("\n").split("\n", 1)
    if not lines[0].strip():
        raise ParseError("is empty: is this systemd?", section=BARE)
    if "=" not in lines[0].split(" ", 1)[0]:
        return Readings(tuple(map(from_list, read_list(text, section="systemctl list-units"))))
    shown = _units(Answer("systemctl show", text))
    return Readings(tuple({unit.service.unit: unit for unit in shown}.values()))


def _units(answer: Answer) -> list[Unit]:
    return [read_unit(block, section=answer.place) for block in blocks(answer.text, section=answer.place)]


def _manager(answer: Answer | None) -> Readings:
    """Return what the manager says of itself, without units."""
    if answer is None:
        return Readings(())
    block = next(blocks(answer.text, section=answer.place), {})
    state = block.get("SystemState", "")
    if state and not (state.isascii() and state.isalpha() and state.islower() and len(state) <= 63):
        raise ParseError("not a state such as running", section=f"{answer.place}, SystemState", text=state)
    return Readings(
        (),
        version=block.get("Version", "").removeprefix("systemd ").strip()[:255] or None,
        system_state=state or None,
        failed=count(block.get("NFailedUnits", ""), section=f"{answer.place}, NFailedUnits"),
    )
