"""The cases of tests/cases/entity_status, made of what collectors really tell."""

import pytest

from tests.unit.streams.entity_cases import case, names, outcome


@pytest.mark.parametrize("name", names())
def test_case(name: str) -> None:
    given = case(name)
    assert outcome(given) == given["expect"]
