"""The folders of tests/cases/services, network and packages: input.txt and what comes out of it, expected.json.

After a wanted change, `python -m tests.unit.collectors.host_cases` writes what comes out now; read the difference.
"""

from collectors.network import reading as network_reading
from collectors.network import telling as network_telling
from collectors.packages import reading as packages_reading
from collectors.packages import telling as packages_telling
from collectors.services import reading as services_reading
from collectors.services import telling as services_telling
from tests.unit.collectors.storage_cases import Subject

SERVICES = Subject("services", services_reading.parse, services_telling.tell)
NETWORK = Subject("network", network_reading.parse, network_telling.tell)
PACKAGES = Subject("packages", packages_reading.parse, packages_telling.tell)
SUBJECTS = (SERVICES, NETWORK, PACKAGES)


if __name__ == "__main__":
    for subject in SUBJECTS:
        for case in subject.cases():
            (subject.folder / case / "expected.json").write_text(subject.outcome(case), encoding="utf-8")
