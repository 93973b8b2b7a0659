"""Raw text of real kernels in, samples out: each folder of tests/cases/system."""

import pytest

from tests.unit.collectors.system_cases import FOLDER, names, outcome


@pytest.mark.parametrize("name", names())
def test_case(name: str) -> None:
    assert outcome(name) == (FOLDER / name / "expected.txt").read_text(encoding="utf-8")
