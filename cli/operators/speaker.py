"""Who speaks: the name in the source of an operator's event, from an option, a setting or the login."""

import getpass
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cli.operators.settings import OperatorSettings
from runtime.clock import Clock, SystemClock
from runtime.errors import InputInvalid
from runtime.settings import load
from schemas.envelope import is_source
from schemas.identity import uuid7

_PREFIX = "/operators/"
_MOST = 63


@dataclass(frozen=True, slots=True)
class Speaker:
    """An operator at a moment; each event that he makes gets an id of its own."""

    name: str
    at: datetime

    @property
    def source(self) -> str:
        """The source of his events."""
        return _PREFIX + self.name

    def new_id(self) -> UUID:
        """A new UUIDv7 of this moment."""
        return uuid7(int(self.at.timestamp() * 1000))


def speaker(given: str | None, clock: Clock | None = None) -> Speaker:
    """The one who speaks now: `given`, else the setting, else the login. Raises InputInvalid, SettingsInvalid."""
    name = given or load(OperatorSettings).operator or _login()
    return Speaker(cleaned(name), (clock or SystemClock()).now())


def cleaned(name: str) -> str:
    """The name as a source may carry it: `Ada Lovelace` is `Ada-Lovelace`. InputInvalid when nothing is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    found = re.sub(r"[^a-zA-Z0-9._-]+", "-", plain).strip("-._")[:_MOST]
    if not is_source(_PREFIX + found):
        raise InputInvalid(
            f"{name!r} is no name of an operator: letters and digits are wanted (--operator, INFRASTRUCTOR_OPERATOR)",
            operation="name operator",
        )
    return found


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise InputInvalid(
            "nobody is logged in by name here: say who speaks with --operator or INFRASTRUCTOR_OPERATOR",
            operation="name operator",
        ) from None
