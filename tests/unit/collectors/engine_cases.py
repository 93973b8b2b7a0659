"""The folders of tests/cases/containers and .../gpu: input.txt, before.txt where a look needs two, expected.json.

After a wanted change, `python -m tests.unit.collectors.engine_cases` writes what comes out now; read the difference.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collectors.containers import reading as containers_reading
from collectors.containers import telling as containers_telling
from collectors.errors import ParseError
from collectors.gpu import look as gpu_look
from collectors.look import Told

CASES = Path(__file__).parents[2] / "cases"
CORPUS = Path(__file__).parents[4] / "shared" / "corpus"


@dataclass(frozen=True)
class Subject:
    """A collector whose cases these are."""

    name: str
    parse: Callable[[str], Any]
    tell: Callable[..., Told]

    @property
    def folder(self) -> Path:
        return CASES / self.name

    def cases(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir())

    def text(self, case: str, file: str = "input.txt") -> str:
        return (self.folder / case / file).read_text(encoding="utf-8")

    def outcome(self, case: str) -> str:
        """Return the events as JSON, samples one a line, or the error."""
        before = self.folder / case / "before.txt"
        try:
            now = self.parse(self.text(case))
            earlier = self.parse(before.read_text(encoding="utf-8")) if before.exists() else None
        except ParseError as error:
            return json.dumps({"error": str(error)}, indent=2) + "\n"
        told = [{one.model.TYPE: _data(one.data)} for one in self.tell(now, earlier).observations]
        return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _data(data: Any) -> Any:
    document = data.model_dump(mode="json", exclude_none=True)
    if "samples" in document:
        document["samples"] = [
            f"{one['name']} {one['value']:.12g} {one['unit']}"
            + "".join(f" {label}={text}" for label, text in sorted(one["labels"].items()))
            for one in document["samples"]
        ]
    return document


CONTAINERS = Subject("containers", containers_reading.parse, containers_telling.tell)
GPU = Subject("gpu", gpu_look.parse, gpu_look.tell)


if __name__ == "__main__":
    for subject in (CONTAINERS, GPU):
        for case in subject.cases():
            (subject.folder / case / "expected.json").write_text(subject.outcome(case), encoding="utf-8")
