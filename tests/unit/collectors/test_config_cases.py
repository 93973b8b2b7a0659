"""Proxy configurations and compose files in, events out: the folders of tests/cases, and what real files give."""

import pytest

from collectors.errors import ParseError
from schemas.codec import encode
from tests.unit.collectors.config_cases import COMPOSE, PROXY, SUBJECTS, ConfigSubject
from tests.unit.collectors.storage_cases import CORPUS

ALL = [(subject, case) for subject in SUBJECTS for case in subject.cases()]
IDS = [f"{subject.name}-{case}" for subject, case in ALL]


def told(subject: ConfigSubject, text: str, before: str | None = None) -> bytes:
    """Return all events of a look as they would be kept; of a text that is refused, the error."""
    try:
        readings = subject.parse(text)
        earlier = subject.parse(before) if before is not None else None
    except ParseError as error:
        return str(error).encode()
    events = []
    for observation in subject.tell(readings, earlier).observations:
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
        events.append(encode(event))
    assert all(len(event) < 1_048_576 for event in events)
    return b"\n".join(events)


@pytest.mark.parametrize(("subject", "case"), ALL, ids=IDS)
def test_case(subject: ConfigSubject, case: str) -> None:
    assert subject.outcome(case) == subject.text(case, "expected.json")


@pytest.mark.parametrize(("subject", "case"), ALL, ids=IDS)
def test_no_secret_of_a_case_is_told_or_kept(subject: ConfigSubject, case: str) -> None:
    assert b"planted" not in told(subject, subject.text(case))
    try:
        files = subject.parse(subject.text(case)).files
    except ParseError:
        return
    assert all("planted" not in repr(file) for file in files)


def test_the_cases_have_secrets() -> None:
    assert all(any("planted" in one.text(case) for case in one.cases()) for one in SUBJECTS)


@pytest.mark.parametrize(("subject", "folder"), [(PROXY, "swag"), (COMPOSE, "compose")], ids=["swag", "compose"])
def test_every_file_of_the_corpus_parses(subject: ConfigSubject, folder: str) -> None:
    files = sorted((CORPUS / folder).glob("*"))
    if not files:
        pytest.skip(f"{CORPUS / folder} is absent")
    for file in files:
        try:
            (read,) = subject.parse(file.read_text(encoding="utf-8")).files
        except ParseError as error:
            pytest.fail(f"{file.name}: {error}")
        assert read.content
        if folder == "swag":
            assert all(upstream["app"] and upstream["port"] for upstream in read.content["upstreams"])
            assert len(read.content["upstreams"]) == 1
            assert (read.text or "").count("\n") == len(file.read_text(encoding="utf-8").splitlines())
        else:
            assert read.content["services"]
