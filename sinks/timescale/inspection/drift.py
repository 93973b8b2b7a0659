"""What the schema holds against what the migrations make, which is kept as text under `expected/`.

A line is object, aspect and what it is, between tabs: `events<TAB>column id<TAB>uuid not null`. Rollups are tables of
the sink's or views of TimescaleDB's, so each kind has its own lines. `test_db_drift.py` writes the files anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sinks.timescale.rollups import ROLLUPS

EXPECTED = Path(__file__).with_name("expected")
TABLES = "tables"
KEEPERS = ("sink", "timescaledb")

Key = tuple[str, str]
Catalogue = Mapping[Key, str]
"""By object and aspect, what it is."""

_ROLLUPS = frozenset(rollup.name for rollup in ROLLUPS)


@dataclass(frozen=True, slots=True)
class Difference:
    """One aspect that is not as the migrations make it; `None`: not there."""

    object: str
    aspect: str
    expected: str | None
    found: str | None

    def __str__(self) -> str:
        match self.expected, self.found:
            case None, found:
                return f"{self.object}: {self.aspect} is not ours ({found})"
            case expected, None if self.aspect == "kind":
                return f"{self.object}: this {expected} is missing"
            case expected, None:
                return f"{self.object}: {self.aspect} is missing ({expected})"
            case expected, found:
                return f"{self.object}: {self.aspect} is {found!r}, not {expected!r}"


def catalogue(rows: Iterable[Sequence[str]]) -> dict[Key, str]:
    """The answer of the statement `catalogue`, by object and aspect."""
    return {(name, aspect): what for name, aspect, what in rows}


def expected(keepers: Mapping[str, str]) -> dict[Key, str]:
    """What the migrations make, by who keeps each rollup."""
    found = read(TABLES)
    for keeper in KEEPERS:
        lines = read(f"rollups-{keeper}")
        found |= {key: what for key, what in lines.items() if keepers.get(key[0]) == keeper}
    return found


def differences(found: Catalogue, wanted: Catalogue) -> list[Difference]:
    """What is missing, what is another, and what there is too much of on our tables. Tables of others are theirs."""
    ours = {name for name, _ in wanted}
    keys = sorted({*wanted, *(key for key in found if key[0] in ours)})
    missing = {name for name in ours if (name, "kind") not in found}
    return [
        Difference(*key, wanted.get(key), found.get(key))
        for key in keys
        if wanted.get(key) != found.get(key) and (key[0] not in missing or key[1] == "kind")
    ]


def split(found: Catalogue, *, keeper: str) -> dict[str, str]:
    """A fresh database's catalogue as the texts of the files that it stands for."""
    tables = {key: what for key, what in found.items() if key[0] not in _ROLLUPS}
    rollups = {key: what for key, what in found.items() if key[0] in _ROLLUPS}
    return {TABLES: written(tables), f"rollups-{keeper}": written(rollups)}


def written(lines: Catalogue) -> str:
    """Lines in order, as they are kept."""
    return "".join(f"{name}\t{aspect}\t{_flat(what)}\n" for (name, aspect), what in sorted(lines.items()))


def read(name: str) -> dict[Key, str]:
    """One of the files under `expected/`."""
    found: dict[Key, str] = {}
    for line in (EXPECTED / f"{name}.tsv").read_text(encoding="utf-8").splitlines():
        table, aspect, what = line.split("\t", 2)
        found[table, aspect] = what.replace("\\n", "\n").replace("\\t", "\t")
    return found


def _flat(text: str) -> str:
    return text.replace("\t", "\\t").replace("\n", "\\n")
