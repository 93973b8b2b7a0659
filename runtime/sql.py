"""Named SQL statements, kept in `.sql` files beside the package that runs them.

A statement begins with `-- name: insert_events`, goes on with at least one line `-- ` that says what it does, and ends
where the next begins. Parameters are the driver's (`%(name)s`); nothing is ever pasted into a statement.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

from runtime.errors import InputInvalid

_NAME = re.compile(r"^--\s*name:\s*(?P<name>\S+)\s*$")
_GOOD = re.compile(r"^[a-z][a-z0-9_]*$")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its name, what it does, its text, and the place where it is written."""

    name: str
    description: str
    text: LiteralString
    place: str


class Statements(Mapping[str, LiteralString]):
    """Statements by name; `statements["insert_events"]` is the text that the driver runs."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self._statements: dict[str, Statement] = {}
        for statement in statements:
            earlier = self._statements.get(statement.name)
            if earlier is not None:
                raise _wrong(statement.place, f"{statement.name} is already defined at {earlier.place}")
            self._statements[statement.name] = statement

    def __getitem__(self, name: str) -> LiteralString:
        return self._statements[name].text

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)

    def described(self) -> list[Statement]:
        """Return all statements with what they do, by name."""
        return [self._statements[name] for name in sorted(self._statements)]


def load_statements(folder: Path) -> Statements:
    """Return the statements of every `.sql` file in a folder; InputInvalid names the file and line that is wrong."""
    return Statements(
        statement
        for path in sorted(folder.glob("*.sql"))
        for statement in parse_statements(path.read_text(encoding="utf-8"), path.name)
    )


def parse_statements(text: str, file: str) -> list[Statement]:
    """Return the statements in a file's text; InputInvalid when one has no name, no description or no text."""
    found: list[Statement] = []
    lines = text.splitlines()
    starts = [index for index, line in enumerate(lines) if _NAME.match(line)]
    for index, line in enumerate(lines[: starts[0] if starts else len(lines)]):
        if line.strip() and not line.startswith("--"):
            raise _wrong(f"{file}:{index + 1}", "a statement without a name: begin it with `-- name: ...`")
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        found.append(_statement(lines[start:end], f"{file}:{start + 1}"))
    return found


def _statement(lines: list[str], place: str) -> Statement:
    match = _NAME.match(lines[0])
    name = match["name"] if match else ""
    if not _GOOD.match(name):
        raise _wrong(place, f"{name!r} is no name: lower case letters, digits and _")
    body = next((i for i, line in enumerate(lines[1:], 1) if not line.startswith("--")), len(lines))
    description = " ".join(line.lstrip("-").strip() for line in lines[1:body]).strip()
    text = "\n".join(lines[body:]).strip().removesuffix(";").strip()
    if not description:
        raise _wrong(place, f"{name} does not say what it does: add a line `-- ...` below its name")
    if not text:
        raise _wrong(place, f"{name} has no statement")
    # LiteralString: a file of this program is as much its source as a literal in a module.
    return Statement(name, description, text, place)


def _wrong(place: str, what: str) -> InputInvalid:
    return InputInvalid(f"{place}: {what}", operation="read SQL", place=place)
