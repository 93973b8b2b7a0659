"""The folders of tests/cases for each collector: input.txt, before.txt where a look needs two, expected.json.

After a wanted change, `python -m tests.unit.collectors.collector_cases` writes what comes out now; read the difference.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from collectors import configuration
from collectors.compose_files import reading as compose_files
from collectors.containers import reading as containers_reading
from collectors.containers import telling as containers_telling
from collectors.drives import reading as drives_reading
from collectors.drives import telling as drives_telling
from collectors.errors import ParseError
from collectors.gpu import look as gpu_look
from collectors.look import Told
from collectors.network import reading as network_reading
from collectors.network import telling as network_telling
from collectors.packages import reading as packages_reading
from collectors.packages import telling as packages_telling
from collectors.proxy_configs import reading as proxy_configs
from collectors.services import reading as services_reading
from collectors.services import telling as services_telling
from collectors.system import look as system_look
from collectors.zfs import reading as zfs_reading
from collectors.zfs import telling as zfs_telling
from schemas.codec import encode

CASES = Path(__file__).parents[2] / "cases"
CORPUS = Path(__file__).parents[4] / "shared" / "corpus"
LARGEST_EVENT = 1_048_576


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

    def told(self, case: str) -> Told:
        """Return what a case tells. Raises ParseError."""
        now = self.parse(self.text(case))
        has_before = (self.folder / case / "before.txt").exists()
        return self.tell(now, self.parse(self.text(case, "before.txt")) if has_before else None)

    def outcome(self, case: str) -> str:
        """Return the events as JSON, samples one a line, and what could not be read; or the error."""
        try:
            told = self.told(case)
        except ParseError as error:
            return json.dumps({"error": str(error)}, indent=2) + "\n"
        events: list[dict[str, Any]] = [{one.model.TYPE: _data(one.data)} for one in told.observations]
        if told.partial:
            events.append({"partial": told.partial})
        return json.dumps(events, indent=1, ensure_ascii=False) + "\n"

    def encoded(self, text: str, before: str | None = None) -> bytes:
        """Return all events of a text as they would be kept; of one that is refused, the error."""
        try:
            readings = self.parse(text)
            earlier = self.parse(before) if before is not None else None
        except ParseError as error:
            return str(error).encode()
        told = self.tell(readings, earlier)
        events = [encode(one.model.model_validate(_ENVELOPE | {"data": one.data})) for one in told.observations]
        assert all(len(event) < LARGEST_EVENT for event in events)
        return b"\n".join([*events, *(one.encode() for one in told.partial)])


_ENVELOPE = {
    "id": "0198f7a0-0000-7000-8000-000000000001",
    "source": "/agents/a/0198f7a0-0000-7000-8000-000000000002/collector",
    "subject": "host",
    "time": "2026-11-21T02:00:00Z",
    "sequence": 1,
}


def _data(data: Any) -> Any:
    document = data.model_dump(mode="json", exclude_none=True)
    if "samples" in document:
        document["samples"] = [
            f"{one['name']} {one['value']:.12g} {one['unit']}"
            + "".join(f" {label}={text}" for label, text in sorted(one["labels"].items()))
            for one in document["samples"]
        ]
    return document


SYSTEM = Subject("system", system_look.parse, partial(system_look.tell, interval_s=10, per_cpu=False))
CONTAINERS = Subject("containers", containers_reading.parse, containers_telling.tell)
GPU = Subject("gpu", gpu_look.parse_nvidia, gpu_look.tell)
DRIVES = Subject("drives", drives_reading.parse, drives_telling.tell)
ZFS = Subject("zfs", zfs_reading.parse, zfs_telling.tell)
SERVICES = Subject("services", services_reading.parse, services_telling.tell)
NETWORK = Subject("network", network_reading.parse, network_telling.tell)
PACKAGES = Subject("packages", packages_reading.parse, packages_telling.tell)
PROXY = Subject("proxy_configs", proxy_configs.parse, configuration.tell)
COMPOSE = Subject("compose_files", compose_files.parse, configuration.tell)
SUBJECTS = (SYSTEM, CONTAINERS, GPU, DRIVES, ZFS, SERVICES, NETWORK, PACKAGES, PROXY, COMPOSE)


if __name__ == "__main__":
    for subject in SUBJECTS:
        for case in subject.cases():
            (subject.folder / case / "expected.json").write_text(subject.outcome(case), encoding="utf-8")
