"""Raw output of smartctl, zpool and zfs in, events out: each folder of tests/cases/drives and tests/cases/zfs."""

import json

import pytest

from collectors.errors import ParseError
from schemas.codec import encode
from schemas.envelope import Envelope
from tests.unit.collectors.storage_cases import CORPUS, DRIVES, ZFS, Subject

ALL = [(subject, case) for subject in (DRIVES, ZFS) for case in subject.cases()]


@pytest.mark.parametrize(("subject", "case"), ALL, ids=[f"{subject.name}-{case}" for subject, case in ALL])
def test_case(subject: Subject, case: str) -> None:
    assert subject.outcome(case) == subject.text(case, "expected.json")


@pytest.mark.parametrize(("subject", "folder"), [(DRIVES, "smartctl"), (ZFS, "zpool")], ids=["smartctl", "zpool"])
def test_every_file_of_the_corpus_parses(subject: Subject, folder: str) -> None:
    """A file that is not understood must say where."""
    files = sorted((CORPUS / folder).glob("*"))
    if not files:
        pytest.skip(f"{CORPUS / folder} is absent")
    for file in files:
        try:
            readings = subject.parse(file.read_text(encoding="utf-8"))
        except ParseError as error:
            pytest.fail(f"{file.name}: {error}")
        for observation in subject.tell(readings, None).observations:
            assert len(json.dumps(observation.data.model_dump(mode="json"))) < 1_000_000


def test_what_is_told_fits_its_topic_and_its_model() -> None:
    for subject, case in ALL:
        try:
            readings = subject.parse(subject.text(case))
        except ParseError:
            continue
        for observation in subject.tell(readings, None).observations:
            assert issubclass(observation.model, Envelope)
            event = observation.model.model_validate(
                {
                    "id": "0198f7a0-0000-7000-8000-000000000001",
                    "source": f"/agents/a/0198f7a0-0000-7000-8000-000000000002/{subject.name}",
                    "subject": "host",
                    "time": "2026-11-21T02:00:00Z",
                    "sequence": 1,
                    "data": observation.data,
                }
            )
            assert encode(event)
