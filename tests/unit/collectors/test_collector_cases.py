"""Raw output of real programs in, events out: each folder of tests/cases/<collector>."""

import pytest

from tests.unit.collectors.collector_cases import SUBJECTS, Subject

ALL = [(subject, case) for subject in SUBJECTS for case in subject.cases()]
IDS = [f"{subject.name}-{case}" for subject, case in ALL]


@pytest.mark.parametrize(("subject", "case"), ALL, ids=IDS)
def test_case(subject: Subject, case: str) -> None:
    assert subject.outcome(case) == subject.text(case, "expected.json")


@pytest.mark.parametrize(("subject", "case"), ALL, ids=IDS)
def test_what_is_told_is_valid_and_has_no_secret(subject: Subject, case: str) -> None:
    assert b"planted" not in subject.encoded(subject.text(case))


def test_cases_have_secrets() -> None:
    planted = {subject.name for subject, case in ALL if "planted" in subject.text(case)}
    assert planted >= {"containers", "gpu", "services", "proxy_configs", "compose_files"}
