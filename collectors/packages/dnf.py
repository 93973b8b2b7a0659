"""`dnf check-update` and `dnf updateinfo list`, of dnf 4 and dnf 5.

Source of the formats: dnf(8), dnf5-check-upgrade(8), dnf5-advisory(8).

An update is `<name>.<arch> <version> <repository>`, broken over lines where the columns of dnf 4 are too narrow; what
is obsoleted follows under a heading. An advisory is `<id> <Severity>/Sec.|bugfix|enhancement|newpackage
<name>-<version>.<arch>`, in dnf 5 `<id> <type> <severity> <name>-<version>.<arch> <date> [<time>]`.
"""

import re
from collections.abc import Mapping

from collectors.errors import ParseError
from collectors.packages.update import updates_of
from collectors.system.reading import numbered
from schemas.packages import PackageUpdate

_OBSOLETES = re.compile(r"obsoleting packages", re.IGNORECASE)
_HEADING = re.compile(r"[A-Z][a-z]{1,30}(?: [A-Za-z]{1,30})?")
_NAME = re.compile(r"[^\s/]{1,240}\.[a-z0-9_]{3,12}")
_NEVRA = re.compile(r"(?P<name>\S{1,240})-(?P<version>[^-\s]{1,120}-[^-\s]{1,120})\.(?P<arch>[a-z0-9_]{3,12})")
_KINDS = re.compile(r"(?P<severity>[A-Za-z]{3,10})/Sec\.|(?P<type>security|bugfix|enhancement|newpackage|unknown)")
_PROSE = ("Last metadata expiration check", "Updating and loading repositories", "Repositories loaded", "Security:")


def read_updates(text: str, security: Mapping[str, bool] | None, *, section: str) -> tuple[PackageUpdate, ...]:
    """Return the updates; `security` says by `<name>.<arch>` what the advisories are. ParseError names the line."""
    found = []
    fields: list[str] = []
    for number, line in numbered(text):
        if _OBSOLETES.match(line.strip()):
            break
        if line.startswith(_PROSE) or (not fields and _HEADING.fullmatch(line.strip())):
            continue
        fields += line.split()
        if len(fields) > 3 or _NAME.fullmatch(fields[0]) is None:
            raise ParseError("not a package, a version and a repository", section=section, line=number, text=line)
        if len(fields) == 3:
            name, version, repository = fields
            found.append((name, None, version, security.get(name) if security else None, repository))
            fields = []
    if fields:
        raise ParseError("the last package has no version or repository", section=section, text=" ".join(fields))
    return updates_of(found)


def read_advisories(text: str, *, section: str) -> dict[str, bool]:
    """Return by `<name>.<arch>` whether one of its advisories is for security. ParseError names the line."""
    found: dict[str, bool] = {}
    for number, line in numbered(text):
        fields = line.split()
        if line.startswith(_PROSE) or fields[:2] == ["Name", "Type"]:
            continue
        kind = _KINDS.fullmatch(fields[1]) if len(fields) > 1 else None
        package = next((match for field in fields[2:4] if (match := _NEVRA.fullmatch(field))), None)
        if kind is None or package is None:
            raise ParseError("not an advisory, its kind and a package", section=section, line=number, text=line)
        key = f"{package['name']}.{package['arch']}"
        found[key] = found.get(key, False) or kind["severity"] is not None or kind["type"] == "security"
    return found
