"""Proxy configurations and compose files in, events out: the folders of tests/cases, and what real files give."""

import pytest

from collectors.errors import ParseError
from tests.unit.collectors.collector_cases import COMPOSE, CORPUS, PROXY, Subject

ALL = [(subject, case) for subject in (PROXY, COMPOSE) for case in subject.cases()]
IDS = [f"{subject.name}-{case}" for subject, case in ALL]


@pytest.mark.parametrize(("subject", "case"), ALL, ids=IDS)
def test_no_secret_of_a_case_is_kept(subject: Subject, case: str) -> None:
    try:
        files = subject.parse(subject.text(case)).files
    except ParseError:
        return
    assert all("planted" not in repr(file) for file in files)


@pytest.mark.parametrize(("subject", "folder"), [(PROXY, "swag"), (COMPOSE, "compose")], ids=["swag", "compose"])
def test_every_file_of_the_corpus_parses(subject: Subject, folder: str) -> None:
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
