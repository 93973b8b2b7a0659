"""The folders of tests/cases/proxy_configs and tests/cases/compose_files: input.txt, before.txt, expected.json.

After a wanted change, `python -m tests.unit.collectors.config_cases` writes what comes out now; read the difference.
"""

import json
from dataclasses import dataclass

from collectors import configuration
from collectors.compose_files import reading as compose_files
from collectors.errors import ParseError
from collectors.proxy_configs import reading as proxy_configs
from tests.unit.collectors.storage_cases import Subject


@dataclass(frozen=True)
class ConfigSubject(Subject):
    """A collector that tells an event for each file."""

    def outcome(self, case: str) -> str:
        try:
            now = self.parse(self.text(case))
            before = self.parse(self.text(case, "before.txt")) if self._has_before(case) else None
        except ParseError as error:
            return json.dumps({"error": str(error)}, indent=2) + "\n"
        told = self.tell(now, before).observations
        events = [one.data.model_dump(mode="json", exclude_defaults=True) for one in told]
        return json.dumps(events, indent=1, ensure_ascii=False) + "\n"


PROXY = ConfigSubject("proxy_configs", proxy_configs.parse, configuration.tell)
COMPOSE = ConfigSubject("compose_files", compose_files.parse, configuration.tell)
SUBJECTS = (PROXY, COMPOSE)


if __name__ == "__main__":
    for subject in SUBJECTS:
        for case in subject.cases():
            (subject.folder / case / "expected.json").write_text(subject.outcome(case), encoding="utf-8")
