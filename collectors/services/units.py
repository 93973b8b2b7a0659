"""`systemctl show` of units: a block of `Property=value` lines each, an empty line between.

Source of the format: systemctl(1), `show`. Source of the properties: org.freedesktop.systemd1(5).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from collectors.errors import ParseError
from collectors.secrets import masked_text
from collectors.services.commands import Listed
from collectors.services.values import count, moment, since_1970, span
from schemas.service import Service

MOST_DESCRIPTION = 255
LONGEST_NAME = 255
MOST_UNITS = 20_000
"""systemd itself has 131072 at most; a device with more than this is ill, or lies."""
MOST_CODE = 2**31 - 1
_ENABLED = frozenset({"enabled", "enabled-runtime"})
_WORD = re.compile(r"[a-z0-9][a-z0-9 _.:+-]{0,63}")
_EXITED, _KILLED, _DUMPED = 1, 2, 3
"""ExecMainCode: CLD_EXITED, CLD_KILLED, CLD_DUMPED of sigaction(2)."""

Block = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that was read; `told` says whether it belongs in the observation."""

    service: Service
    told: bool

    @property
    def type(self) -> str:
        """What the unit's name ends with: `service`, `timer`."""
        return self.service.unit.rpartition(".")[2]


def blocks(text: str, *, section: str) -> Iterator[Block]:
    """Yield the blocks of `systemctl show`. ParseError names the line."""
    block: dict[str, str] = {}
    found = 0
    for number, line in enumerate(text.replace("\x00", "").split("\n"), 1):
        if not line:
            if block:
                found += 1
                yield block
            if found > MOST_UNITS:
                raise ParseError(f"more than {MOST_UNITS} units", section=section, line=number)
            block = {}
            continue
        key, sign, value = line.partition("=")
        if not sign or not key.isalnum():
            # A longer text could be the rest of a command line.
            quoted = line if line.isalnum() else ""
            raise ParseError("not Property=value", section=section, line=number, text=quoted)
        block.setdefault(key, value)
    if block:
        yield block


def read_unit(block: Block, *, section: str) -> Unit:
    """Read one block. ParseError names unit and property."""
    name = block.get("Id", "")[:LONGEST_NAME]
    if not name:
        raise ParseError("a block without Id=", section=section, text=" ".join(block))
    of = _Of(block, f"{section}, {name}")
    active = of.word("ActiveState")
    if active is None:
        raise ParseError("ActiveState= is not there", section=of.section)
    service = Service(
        unit=name,
        description=_description(block),
        load_state=of.word("LoadState"),
        active_state=active,
        sub_state=of.word("SubState"),
        enabled=of.word("UnitFileState"),
        result=of.word("Result"),
        exit_code=_exit_code(of.count("ExecMainCode"), of.count("ExecMainStatus"), section=of.section),
        restarts=of.count("NRestarts"),
        main_pid=of.count("MainPID") or None,
        memory_bytes=of.count("MemoryCurrent"),
        cpu_seconds=_seconds(of.count("CPUUsageNSec")),
        tasks=of.count("TasksCurrent"),
        active_since=of.moment("ActiveEnterTimestamp"),
        inactive_since=of.moment("InactiveEnterTimestamp"),
        last_run_at=of.moment("LastTriggerUSec"),
        next_run_at=_next_run(of),
        triggers=_first(block.get("Triggers", "")) if name.endswith(".timer") else None,
    )
    return Unit(service, _is_told(service, started=bool(of.moment("InactiveExitTimestamp"))))


def from_list(listed: Listed) -> Unit:
    """Return what a line of `systemctl list-units` alone says."""
    service = Service(
        unit=listed.unit,
        load_state=listed.load,
        active_state=listed.active,
        sub_state=listed.sub,
    )
    return Unit(service, _is_told(service, started=False))


@dataclass(frozen=True, slots=True)
class _Of:
    """The typed values of a block; errors name the property. What is not there is None."""

    block: Block
    section: str

    def word(self, key: str) -> str | None:
        value = self.block.get(key, "")
        if value and _WORD.fullmatch(value) is None:
            raise ParseError("not a state such as running", section=f"{self.section}, {key}", text=value)
        return value or None

    def count(self, key: str) -> int | None:
        return count(self.block.get(key, ""), section=f"{self.section}, {key}")

    def moment(self, key: str) -> datetime | None:
        return moment(self.block.get(key, ""), section=f"{self.section}, {key}")

    def span(self, key: str) -> int | None:
        return span(self.block.get(key, ""), section=f"{self.section}, {key}")


def _description(block: Block) -> str | None:
    """Return what the unit is, without secrets; that of a transient unit is its command line, and is left out."""
    if block.get("UnitFileState") == "transient":
        return None
    return masked_text(block.get("Description", "").strip())[:MOST_DESCRIPTION] or None


def _first(names: str) -> str | None:
    return next((name[:LONGEST_NAME] for name in names.split(None, 1)), None)


def _exit_code(code: int | None, status: int | None, *, section: str) -> int | None:
    """Return how the main process ended, as a shell tells it: 128 and the signal's number when one ended it."""
    if status is None or code is None:
        return None
    if status > MOST_CODE - 128:
        raise ParseError("not an exit status", section=f"{section}, ExecMainStatus", text=str(status))
    return {_EXITED: status, _KILLED: 128 + status, _DUMPED: 128 + status}.get(code)


def _seconds(nanoseconds: int | None) -> float | None:
    return nanoseconds / 1_000_000_000 if nanoseconds is not None else None


def _next_run(of: _Of) -> datetime | None:
    """Return the earlier of the next calendar time and the next time counted since the boot."""
    calendar, monotonic = of.moment("NextElapseUSecRealtime"), of.span("NextElapseUSecMonotonic")
    boot = _boot(of) if monotonic is not None else None
    counted = since_1970(boot + monotonic, section=of.section) if boot is not None and monotonic is not None else None
    # Both clocks are read a moment apart: less than a second would only be noise.
    counted = counted.replace(microsecond=0) if counted is not None else None
    return min((time for time in (calendar, counted) if time is not None), default=None)


def _boot(of: _Of) -> int | None:
    """Return when the monotonic clock began, microseconds since 1970, by an instant known on both clocks.

    The later instant is the better one: the monotonic clock stands still while a machine sleeps.
    """
    pairs = (
        (of.moment("LastTriggerUSec"), of.span("LastTriggerUSecMonotonic")),
        (of.moment("ActiveEnterTimestamp"), of.count("ActiveEnterTimestampMonotonic") or None),
    )
    for wall, monotonic in pairs:
        if wall is not None and monotonic is not None:
            return round(wall.timestamp() * 1_000_000) - monotonic
    return None


def _is_told(service: Service, *, started: bool) -> bool:
    """Return whether a unit concerns anybody: it is or was active, or is enabled.

    What is mounted, listened on or watched without a unit file (a container's layers, a plugged in disk) does not.
    """
    kind = service.unit.rpartition(".")[2]
    if kind not in ("service", "timer") and service.enabled is None and service.active_state != "failed":
        return False
    return started or service.active_state != "inactive" or service.enabled in _ENABLED
