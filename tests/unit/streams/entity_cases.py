"""The files of tests/cases/entity_status: looks over time in, what is told out.

After a wanted change, `python -m tests.unit.streams.entity_cases` writes what comes out now; read the difference.
"""

import copy
import json
from pathlib import Path
from typing import Any

import yaml

from schemas.entity import EntityChange
from tests.unit.streams.entity_looks import Json, changes_of
from tests.unit.streams.log_of_events import START, Observations

CASES = Path(__file__).parents[2] / "cases"
FOLDER = CASES / "entity_status"


def names() -> list[str]:
    """The cases there are."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def case(name: str) -> Json:
    """One case."""
    found: Json = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


def outcome(given: Json) -> list[str]:
    """What is told, a line each."""
    log = Observations()
    before: dict[str, Json] = {}
    for one in given["looks"]:
        log.wait(one.get("after", 0))
        if "accept" in one:
            log.accept(one["accept"], one["entity"], **one["values"])
            continue
        kind = one["look"]
        data = observed(kind, one["from"], one.get("engine")) if "from" in one else copy.deepcopy(before[kind])
        for path, value in one.get("set", {}).items():
            put(data, path, value)
        for path in one.get("drop", ()):
            drop(data, path)
        before[kind] = data
        log.look({name: value for name, value in data.items() if value is not None}, kind)
    return [_line(event.data, (event.time - START).total_seconds()) for _, event in changes_of(log)]  # type: ignore[attr-defined]


def _line(data: EntityChange, seconds: float) -> str:
    return f"{seconds:.0f} {data.entity} {data.what}, {data.previous} -> {data.status}: {data.summary}"


def observed(kind: str, folder: str, engine: str | None) -> Json:
    """What a collector tells in one of its own cases."""
    document = json.loads((CASES / folder / "expected.json").read_text(encoding="utf-8"))
    wanted = f"infrastructor.{kind}.observed.v1"
    for one in document if isinstance(document, list) else [document]:
        if wanted in one and engine in (None, one[wanted].get("engine")):
            found: Json = one[wanted]
            return found
    raise LookupError(f"{folder} has no {wanted}")


def put(data: Any, path: str, value: Any) -> None:
    """Set a value at a dotted path."""
    *way, last = path.split(".")
    for step in way:
        data = data[int(step)] if isinstance(data, list) else data[step]
    if isinstance(data, list):
        data[int(last)] = value
    else:
        data[last] = value


def drop(data: Any, path: str) -> None:
    """Take a place of a list away."""
    *way, last = path.split(".")
    for step in way:
        data = data[int(step)] if isinstance(data, list) else data[step]
    del data[int(last)]


if __name__ == "__main__":
    for name in names():
        given = case(name)
        text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").partition("expect:\n")[0]
        lines = [f"  - {json.dumps(line, ensure_ascii=False)}\n" for line in outcome(given)]
        (FOLDER / f"{name}.yaml").write_text(text + "expect:\n" + "".join(lines), encoding="utf-8")
