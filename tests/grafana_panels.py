"""The shipped dashboard's queries as Grafana sends them."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

GRAFANA = Path(__file__).parents[1] / "deploy/grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards/infrastructor.json").read_text())


@dataclass(frozen=True, slots=True)
class Query:
    """One query of one panel."""

    panel: str
    format: str
    sql: str


@dataclass(frozen=True, slots=True)
class Look:
    """What somebody looks at: from when to when, how many seconds a point is wide, which devices."""

    begin: datetime
    end: datetime
    interval_s: int
    devices: Sequence[str]


def queries() -> Iterator[Query]:
    """The queries of all panels."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield Query(panel["title"], target["format"], target["rawSql"])


VARIABLE = re.compile(r"\$([_a-zA-Z0-9]+)\b")
# A macro's arguments end at the first bracket that closes, and anything of this form is taken for a macro.
MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")


def sent(text: str, look: Look) -> str:
    """Return a query as Grafana sends it, without TimescaleDB: variables first, then macros.

    Source: the PostgreSQL data source's query editor documentation, "Macros", and "Global variables".
    """
    devices = ",".join("'" + device.replace("'", "''") + "'" for device in look.devices)
    variables = {
        "__interval_ms": str(look.interval_s * 1000),
        "__interval": f"{look.interval_s}s",
        "device": devices,
    }
    text = VARIABLE.sub(lambda found: variables.get(found[1], found[0]), text)
    return MACRO.sub(lambda found: _macro(found[1], [part.strip() for part in found[2].split(",")], look=look), text)


def _macro(name: str, arguments: list[str], *, look: Look) -> str:
    begin, end = (time.strftime("%Y-%m-%dT%H:%M:%SZ") for time in (look.begin, look.end))
    match name, arguments:
        case "__timeFilter", [column]:
            return f"{column} BETWEEN '{begin}' AND '{end}'"
        case "__timeFrom", [""]:
            return f"'{begin}'"
        case "__timeTo", [""]:
            return f"'{end}'"
        case "__timeGroup", [column, interval]:
            seconds = int(interval.removesuffix("s"))
            return f"floor(extract(epoch from {column})/{seconds})*{seconds}"
    raise AssertionError(f"${name}({', '.join(arguments)}) is no macro that this test knows")
