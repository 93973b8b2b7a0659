"""What works at a device, step by step: name, port, host key, login, then the programs and rights of each collector."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from collectors.chain import SUDO
from collectors.errors import (
    CommandFailed,
    ConnectionRefused,
    ConnectTimedOut,
    HandshakeFailed,
    HostKeyChanged,
    HostKeyRefused,
    HostKeyUnknown,
    KeyUnusable,
    LoginRefused,
    LookFailed,
    NameUnknown,
    ProgramMissing,
)
from collectors.look import Look
from collectors.request import Command
from collectors.transport import Limits, Transport

Outcome = Literal["ok", "failed", "not tried"]
STEPS = ("name", "port", "host key", "login")
_FAILS_AT: Mapping[type[LookFailed], int] = {
    NameUnknown: 0,
    ConnectionRefused: 1,
    ConnectTimedOut: 1,
    HandshakeFailed: 1,
    HostKeyUnknown: 2,
    HostKeyChanged: 2,
    HostKeyRefused: 2,
    KeyUnusable: 3,
    LoginRefused: 3,
}
_PRESENT = 'for p in "$@"; do command -v "$p" >/dev/null 2>&1 && printf "%s\\n" "$p"; done; exit 0'


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried. `needed` are those without which nothing is seen of the device."""

    what: str
    outcome: Outcome
    detail: str = ""
    needed: bool = False


async def try_device(transport: Transport, looks: Iterable[Look[Any]], *, elevates: bool) -> list[Check]:
    """Try everything, and return how each went; raises nothing but cancellation."""
    checks = await _connected(transport)
    reached = all(check.outcome == "ok" for check in checks)
    for look in looks:
        checks.append(await _look(transport, look, elevates=elevates) if reached else _untried(look))
    return checks


async def _connected(transport: Transport) -> list[Check]:
    try:
        await transport.fetch(Command(("true",)), Limits(timeout_s=30))
    except (CommandFailed, ProgramMissing):
        # It answered: a restricted key need not allow even this.
        pass
    except LookFailed as error:
        at = _FAILS_AT.get(type(error), len(STEPS) - 1)
        return [_step(step, number, at, error.message) for number, step in enumerate(STEPS)]
    return [Check(step, "ok", needed=True) for step in STEPS]


def _step(step: str, number: int, failed_at: int, message: str) -> Check:
    if number < failed_at:
        return Check(step, "ok", needed=True)
    if number == failed_at:
        return Check(step, "failed", message, needed=True)
    return Check(step, "not tried", needed=True)


def _untried(look: Look[Any]) -> Check:
    return Check(f"collector {look.name}", "not tried")


async def _look(transport: Transport, look: Look[Any], *, elevates: bool) -> Check:
    what = f"collector {look.name}"
    try:
        asked = Command(("sh", "-c", _PRESENT, "sh", *look.programs, *look.any_of))
        there = (await transport.fetch(asked, Limits())).text.split()
        lacking = _lacking(look, there)
        if lacking is not None:
            return Check(what, "failed", lacking)
        if not elevates or not look.sudo:
            return Check(what, "ok", _found(look, there))
        refused = [program for program in look.sudo if not await _may(transport, program)]
    except LookFailed as error:
        return Check(what, "failed", error.message)
    if refused:
        return Check(what, "failed", f"sudo -n does not run {', '.join(refused)} without a password")
    return Check(what, "ok", f"{_found(look, there)}; sudo for {', '.join(look.sudo)}")


def _lacking(look: Look[Any], there: Collection[str]) -> str | None:
    """Return what a look cannot do without and is not there; None when all of it is."""
    missing = [program for program in look.programs if program not in (*there, *look.optional)]
    if missing:
        return f"not there: {', '.join(missing)}"
    if look.any_of and not any(program in there for program in look.any_of):
        return f"neither {' nor '.join(look.any_of)} is there"
    return None


def _found(look: Look[Any], there: Collection[str]) -> str:
    found = ", ".join(program for program in (*look.programs, *look.any_of) if program in there)
    without = ", ".join(program for program in look.optional if program not in there)
    return f"{found}; {without} is not there, and optional" if without else found


async def _may(transport: Transport, program: str) -> bool:
    try:
        await transport.fetch(Command((*SUDO, "-l", program)), Limits())
    except LookFailed:
        return False
    return True
