"""The folders of tests/cases/drives and tests/cases/zfs: input.txt, before.txt where a look needs two, expected.json.

After a wanted change, `python -m tests.unit.collectors.storage_cases` writes what comes out now; read the difference.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collectors.drives import reading as drives_reading
from collectors.drives import telling as drives_telling
from collectors.errors import ParseError
from collectors.look import Told
from collectors.zfs import reading as zfs_reading
from collectors.zfs import telling as zfs_telling

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
        try:
            now = self.parse(self.text(case))
            before = self.parse(self.text(case, "before.txt")) if self._has_before(case) else None
        except ParseError as error:
            return json.dumps({"error": str(error)}, indent=2) + "\n"
        return (
            json.dumps({one.model.TYPE: _data(one.data) for one in self.tell(now, before).observations}, indent=1)
            + "\n"
        )

    def _has_before(self, case: str) -> bool:
        return (self.folder / case / "before.txt").exists()


def _data(data: Any) -> Any:
    document = data.model_dump(mode="json", exclude_none=True)
    if "samples" in document:
        document["samples"] = [
            f"{one['name']} {one['value']:.12g} {one['unit']}"
            + "".join(f" {label}={text}" for label, text in sorted(one["labels"].items()))
            for one in document["samples"]
        ]
    return document


DRIVES = Subject("drives", drives_reading.parse, drives_telling.tell)
ZFS = Subject("zfs", zfs_reading.parse, zfs_telling.tell)


if __name__ == "__main__":
    for subject in (DRIVES, ZFS):
        for case in subject.cases():
            (subject.folder / case / "expected.json").write_text(subject.outcome(case), encoding="utf-8")
