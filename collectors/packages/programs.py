"""Which package manager a device has, and what to ask it. Everything here only reads: nothing is fetched or locked.

One stat(1), of coreutils or busybox, tells the programs and databases that are there, when the index was fetched, and
whether a reboot was asked for.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from collectors.errors import ParseError
from collectors.request import Command
from collectors.system.reading import numbered
from schemas.packages import PackageManager

REBOOT = "/run/reboot-required"
REBOOT_PACKAGES = "/run/reboot-required.pkgs"
"""Written by packages of Debian and Ubuntu that want a reboot: update-notifier, unattended-upgrades."""
MODULES = "/lib/modules"


@dataclass(frozen=True, slots=True)
class PackageProgram:
    """A package manager: its program, its database (both of the paths that distributions use), what changes on a fetch.

    Debian may have dnf or pacman as a tool for containers: who has no database manages nothing here.
    """

    name: PackageManager
    programs: tuple[str, ...]
    databases: tuple[str, ...]
    index: tuple[str, ...]
    commands: tuple[Command, ...]


APT_UPGRADE = ("apt-get", "-s", "-qq", "-o", "Debug::NoLocking=true", "dist-upgrade")
DNF_UPDATES = ("dnf", "-q", "--cacheonly", "check-update")
DNF_ADVISORIES = ("dnf", "-q", "--cacheonly", "updateinfo", "list")
APK_UPGRADABLE = ("apk", "--no-network", "list", "--upgradable")
PACMAN_UPDATES = ("pacman", "-Qu")

MANAGERS = (
    PackageProgram(
        "apt",
        ("/usr/bin/apt-get",),
        ("/var/lib/dpkg/status",),
        # `partial` changes with every fetch, its parent only with one that brings news; the stamp is apt-daily's.
        ("/var/lib/apt/lists/partial", "/var/lib/apt/lists", "/var/lib/apt/periodic/update-success-stamp"),
        (Command(APT_UPGRADE),),
    ),
    PackageProgram(
        "dnf",
        ("/usr/bin/dnf",),
        ("/usr/lib/sysimage/rpm", "/var/lib/rpm"),
        ("/var/cache/dnf/last_makecache", "/var/cache/dnf", "/var/cache/libdnf5"),
        (Command(DNF_UPDATES, frozenset({0, 100})), Command(DNF_ADVISORIES, frozenset({0, 1}))),
    ),
    PackageProgram(
        "apk",
        ("/sbin/apk", "/usr/sbin/apk", "/usr/bin/apk"),
        ("/lib/apk/db/installed", "/usr/lib/apk/db/installed"),
        ("/var/cache/apk", "/etc/apk/cache"),
        (Command(APK_UPGRADABLE),),
    ),
    PackageProgram(
        "pacman",
        ("/usr/bin/pacman",),
        ("/var/lib/pacman/local",),
        ("/var/lib/pacman/sync",),
        # 1 says that nothing waits.
        (Command(PACMAN_UPDATES, frozenset({0, 1})),),
    ),
)

PATHS = (
    *(path for one in MANAGERS for path in (*one.programs, *one.databases, *one.index)),
    REBOOT,
    REBOOT_PACKAGES,
    MODULES,
)
STAT = ("stat", "-L", "-c", "%Y %n", *PATHS)
KERNEL = ("uname", "-r")
KERNELS = ("ls", "-1", MODULES)
ASKING = ("head", "-c", "65536", REBOOT_PACKAGES)

_LINE = re.compile(r"(\d{1,11}) (/\S{1,200})", re.ASCII)


def read_stat(text: str, *, section: str) -> dict[str, int]:
    """Return when each path that is there last changed, seconds since 1970. ParseError names the line."""
    found = {}
    for number, line in numbered(text):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ParseError("not seconds and a path", section=section, line=number, text=line)
        found[match[2]] = int(match[1])
    return found


def manager_of(paths: Mapping[str, int], *, section: str) -> PackageProgram:
    """Return the package manager whose program and database are there. ParseError when there is none."""
    for one in MANAGERS:
        if any(path in paths for path in one.programs) and any(path in paths for path in one.databases):
            return one
    names = ", ".join(one.name for one in MANAGERS)
    raise ParseError(f"no package manager is there that this collector knows: {names}", section=section)


def then(text: str) -> tuple[Command, ...]:
    """Return what to run on this device; raises ParseError."""
    paths = read_stat(text, section="stat")
    kernels = (Command(KERNELS, frozenset({0, 1, 2})),) if MODULES in paths else ()
    asking = (Command(ASKING, frozenset({0, 1})),) if REBOOT_PACKAGES in paths else ()
    return (*manager_of(paths, section="stat").commands, Command(KERNEL), *kernels, *asking)
