"""What waits on a device, out of the text of one look: the manager's answer, the kernels, who asks for a reboot."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from collectors.answers import Answer, answer_to, answers_to, split_answers
from collectors.errors import ParseError
from collectors.packages import apk, apt, dnf, pacman
from collectors.packages.kernel import is_newer, newest
from collectors.packages.programs import (
    ASKING,
    DNF_ADVISORIES,
    KERNEL,
    KERNELS,
    MODULES,
    REBOOT,
    STAT,
    PackageProgram,
    manager_of,
    read_stat,
)
from collectors.partly import Partly
from schemas.packages import PackageManager, PackageUpdate

MOST_KERNELS = 1_000
MOST_REASONS = 100
BARE = "packages"
"""The section's name in errors about the output of one program alone."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What one look read; what the device does not tell is None, what could not be read is in `unread` as well."""

    manager: PackageManager
    updates: tuple[PackageUpdate, ...]
    tells_security: bool
    reboot_required: bool | None = None
    reboot_because: tuple[str, ...] = ()
    running_kernel: str | None = None
    installed_kernel: str | None = None
    index_updated_at: datetime | None = None
    unread: tuple[str, ...] = ()


def parse(text: str) -> Readings:
    """Read a look, or the bare output of a package manager. ParseError otherwise."""
    found = split_answers(text)
    if not found:
        return _bare(text)
    listed = next(iter(answers_to(found, STAT[:1])), None)
    if listed is None:
        raise ParseError("there is no answer of stat: which package manager is it?", section=BARE)
    paths = read_stat(listed.text, section=listed.place)
    manager = manager_of(paths, section=listed.place)
    answer = next(iter(answers_to(found, manager.commands[0].argv)), None)
    if answer is None:
        raise ParseError(f"there is no answer of {manager.name}", section=BARE)
    if answer.code not in manager.commands[0].accepted:
        raise ParseError(f"ended with {answer.code}: run it by hand to see why", section=answer.place)
    partly = Partly()
    updates, tells_security = _updates(manager.name, answer, partly.read(lambda: _advisories(found)))
    running, kernels = _kernel(found)
    return Readings(
        manager.name,
        updates,
        tells_security,
        reboot_required=_reboot(paths, running, kernels),
        reboot_because=_because(found),
        running_kernel=running,
        installed_kernel=newest(running, kernels) if running is not None else None,
        index_updated_at=_index_time(manager, paths),
        unread=partly.unread,
    )


def _bare(text: str) -> Readings:
    manager = _manager_by_form(text)
    updates, tells_security = _updates(manager, Answer(manager, text), None)
    return Readings(manager, updates, tells_security)


def _manager_by_form(text: str) -> PackageManager:
    first = next((line for line in text.split("\n") if line.strip()), "")
    if "\nInst " in text or first.startswith(("Inst ", "Reading package lists", "NOTE: ")):
        return "apt"
    if "[upgradable from: " in first or " < " in first or first.startswith("Installed:"):
        return "apk"
    if " -> " in first:
        return "pacman"
    if len(first.split()) == 3 or first.startswith(("Last metadata", "Upgrades", "Available upgrades")):
        return "dnf"
    raise ParseError("no output of apt-get -s, dnf, apk or pacman", section=BARE, line=1, text=first)


def _updates(
    manager: PackageManager, answer: Answer, advisories: Mapping[str, bool] | None
) -> tuple[tuple[PackageUpdate, ...], bool]:
    """Return the updates, and whether the device tells which are for security."""
    match manager:
        case "apt":
            return apt.read_simulation(answer.text, section=answer.place), True
        case "dnf":
            updates = dnf.read_updates(answer.text, advisories, section=answer.place)
            # Repositories without advisories (CentOS Stream) tell nothing; nothing waiting needs no telling.
            return updates, advisories is not None and (bool(advisories) or not updates)
        case "apk":
            return apk.read_upgradable(answer.text, section=answer.place), False
        case "pacman":
            return pacman.read_updates(answer.text, section=answer.place), False


def _advisories(found: tuple[Answer, ...]) -> dict[str, bool] | None:
    answer = answer_to(found, DNF_ADVISORIES)
    return dnf.read_advisories(answer.text, section=answer.place) if answer is not None else None


def _kernel(found: tuple[Answer, ...]) -> tuple[str | None, tuple[str, ...]]:
    """Return the running kernel, and those that are installed."""
    running, kernels = answer_to(found, KERNEL), answer_to(found, KERNELS)
    name = running.text.replace("\x00", "").strip()[:255] if running is not None else ""
    lines = kernels.text.split("\n", MOST_KERNELS)[:MOST_KERNELS] if kernels is not None else []
    return name or None, tuple(line.strip()[:255] for line in lines)


def _reboot(paths: Mapping[str, int], running: str | None, kernels: tuple[str, ...]) -> bool | None:
    """Return whether a reboot is due; None when neither a file nor the kernels could tell.

    In a container the kernel is another's: no kernel of its flavour is installed.
    """
    if REBOOT in paths:
        return True
    best = newest(running, kernels) if running is not None and MODULES in paths else None
    if best is None or running is None:
        return None
    return is_newer(best, running) or running not in kernels


def _because(found: tuple[Answer, ...]) -> tuple[str, ...]:
    asking = answer_to(found, ASKING)
    lines = asking.text.replace("\x00", "").split("\n", MOST_REASONS)[:MOST_REASONS] if asking is not None else []
    return tuple(dict.fromkeys(line.strip()[:255] for line in lines if line.strip()))


def _index_time(manager: PackageProgram, paths: Mapping[str, int]) -> datetime | None:
    """Return when the index was last fetched, as far as the times of its files tell."""
    seconds = max((paths[path] for path in manager.index if path in paths), default=0)
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
