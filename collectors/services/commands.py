"""Which programs are run, and the list of units that says what the second one asks for.

Source of the format: systemctl(1) of 232 to 257. `--output=json` is newer than what many machines have.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.errors import ParseError
from collectors.request import Command
from collectors.system.reading import numbered

_SYSTEMCTL = ("systemctl", "--no-pager")
TYPES = ("service", "timer", "socket", "path", "mount", "automount", "swap")
LIST = (*_SYSTEMCTL, "--all", "--full", "--plain", "--no-legend", f"--type={','.join(TYPES)}", "list-units")
PROPERTIES = (
    "Id",
    "Description",
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "Result",
    "ExecMainCode",
    "ExecMainStatus",
    "NRestarts",
    "MainPID",
    "MemoryCurrent",
    "CPUUsageNSec",
    "TasksCurrent",
    "ActiveEnterTimestamp",
    "ActiveEnterTimestampMonotonic",
    "InactiveExitTimestamp",
    "InactiveEnterTimestamp",
    "LastTriggerUSec",
    "LastTriggerUSecMonotonic",
    "NextElapseUSecRealtime",
    "NextElapseUSecMonotonic",
    "Triggers",
)
# systemctl prints times in the zone of its environment; in UTC they say when.
SHOW = ("env", "TZ=UTC0", *_SYSTEMCTL, "show", f"--property={','.join(PROPERTIES)}", "--")
MANAGER = (*_SYSTEMCTL, "show", "--property=Version,SystemState,NFailedUnits")

# Over SSH a command is one argument of a shell, of at most 128 KiB (MAX_ARG_STRLEN).
MOST_NAMES_BYTES = 60_000

_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]{1,250}\.(?:" + "|".join(TYPES) + ")")
_MARK = re.compile(r"^(?:[●○×↻*] +| +)")  # noqa: RUF001 - the marks that systemctl puts before a unit
_STATE = re.compile(r"[a-z][a-z-]{0,62}")


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of `systemctl list-units`, without the description: that of a transient unit is a command line."""

    unit: str
    load: str
    active: str
    sub: str


def read_list(text: str, *, section: str) -> tuple[Listed, ...]:
    """Read `systemctl list-units --plain --no-legend`. ParseError names the line."""
    found: dict[str, Listed] = {}
    for number, line in numbered(text):
        fields = _MARK.sub("", line).split(None, 4)
        states = fields[1:4]
        if len(states) < 3 or _UNIT.fullmatch(fields[0]) is None or not all(map(_STATE.fullmatch, states)):
            raise ParseError(
                "not a unit and its load, active and sub state",
                section=section,
                line=number,
                text=" ".join(fields[:4]),
            )
        found.setdefault(fields[0], Listed(fields[0], states[0], states[1], states[2]))
    return tuple(found.values())


def then(text: str) -> tuple[Command, ...]:
    """Return what to run after the list; raises ParseError."""
    names = [one.unit for one in read_list(text, section="systemctl list-units")]
    return (*(Command((*SHOW, *some)) for some in _portions(names)), Command(MANAGER))


def _portions(names: list[str]) -> Iterator[list[str]]:
    some: list[str] = []
    size = 0
    for name in names:
        # Quoted for a shell it is longer by two, and a blank.
        if size + len(name) + 3 > MOST_NAMES_BYTES:
            yield some
            some, size = [], 0
        some.append(name)
        size += len(name) + 3
    if some:
        yield some
