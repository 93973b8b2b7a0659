"""`apt-get -s dist-upgrade`: what would be done, a line each.

Source of the format: apt-get(8), `--simulate`, and apt-pkg/algorithms.cc:
`Inst <name>[:<arch>] [<installed>] (<new> <origin>[, <origin>] [<arch>])`, then what is broken meanwhile.
"""

import re

from collectors.errors import ParseError
from collectors.packages.update import updates_of
from collectors.system.reading import numbered
from schemas.packages import PackageUpdate

_INST = re.compile(r"Inst (?P<name>\S+)(?: \[(?P<installed>[^]\s]+)\])? \((?P<new>\S+) ?(?P<rest>[^()]*)\)")


def read_simulation(text: str, *, section: str) -> tuple[PackageUpdate, ...]:
    """Return the updates of what is installed; new packages that they bring along are none. ParseError names the line.

    Security is told by the archives that have the new version: `Debian-Security:12/stable-security`,
    `Ubuntu:24.04/noble-security`, `UbuntuESM:20.04/focal-infra-security`.
    """
    found = []
    for number, line in numbered(text):
        # Conf and Remv, and prose: without -qq notes and summaries, in Ubuntu what a subscription would bring.
        if not line.startswith("Inst "):
            continue
        match = _INST.match(line)
        if match is None:
            raise ParseError("not Inst, a name and versions", section=section, line=number, text=line)
        if match["installed"] is None:
            continue
        # The architecture stands last, in brackets.
        origin = match["rest"].rpartition("[")[0].strip()
        found.append((match["name"], match["installed"], match["new"], _is_security(origin), origin))
    return updates_of(found)


def _is_security(origin: str) -> bool | None:
    """Return whether an archive for security has it; None when no archive is named, for it was installed by hand."""
    return "-security" in origin.lower() if origin else None
