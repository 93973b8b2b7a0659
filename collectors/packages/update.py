"""Building updates from what was read: bounded, each package once."""

from collections.abc import Iterable

from schemas.packages import PackageUpdate

LONGEST = 255

Raw = tuple[str, str | None, str, bool | None, str | None]
"""Name, installed version, available version, whether for security, origin."""


def _cut(text: str | None) -> str | None:
    return (text or "").replace("\x00", "")[:LONGEST] or None


def updates_of(raw: Iterable[Raw]) -> tuple[PackageUpdate, ...]:
    """Return the updates by name, the last of a name; what has no name or version is left out."""
    found = {}
    for name, installed, available, security, origin in raw:
        kept_name, kept_available = _cut(name), _cut(available)
        if kept_name is not None and kept_available is not None:
            found[kept_name] = PackageUpdate(
                name=kept_name,
                installed=_cut(installed),
                available=kept_available,
                security=security,
                origin=_cut(origin),
            )
    return tuple(found[name] for name in sorted(found))
