"""policies.yaml: what is accepted, and how what is wrong is named, with its line."""

from pathlib import Path

import pytest

from runtime.errors import InputInvalid
from streams.device_status.policy import StatusPolicy
from streams.entity_status.policy import EntityPolicy
from streams.policies import PolicyFile, check_policies, load_policies

SHIPPED = Path(__file__).parents[3] / "policies.yaml"


def test_the_shipped_policies_are_valid_and_say_each_value_of_status_and_entities() -> None:
    read = load_policies(SHIPPED)
    assert read.policies.status == StatusPolicy()
    assert read.policies.entities == EntityPolicy()
    # Written out, so that another version's defaults do not change what this log means.
    assert set(read.documents["status_policy"]) == set(StatusPolicy.model_fields)
    assert set(read.documents["entity_policy"]) == set(EntityPolicy.model_fields)


def test_a_section_that_is_empty_or_left_out_has_its_defaults() -> None:
    read = check_policies("revision: 1\nstatus:\n")
    assert isinstance(read, PolicyFile)
    assert read.documents == {"status_policy": {}, "entity_policy": {}, "notification_policy": {}}
    assert read.policies.status == StatusPolicy()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("revision: 1\nstatus:\n  flap_transitions: 1\n", 3, "status.flap_transitions: Input should be greater"),
        ("revision: 1\n\nentities:\n  disc_hot: 5\n", 4, "entities.disc_hot: Extra inputs are not permitted"),
        ("revision: 1\nentities:\n  pool_full_ratio: 0.5\n", 2, "entities: pool_roomy_ratio must not be above"),
        ("revision: 1\nstatsu: {}\n", 2, "statsu: Extra inputs"),
        ("status: {}\n", 1, "revision: Field required"),
        ("- 1\n", 1, "must be a mapping"),
        ("revision: 1\nstatus: [\n", 3, "no YAML"),
        ("", 1, "must be a mapping"),
        ("revision: 1\nstatus: {}\nrevision: 2\n", 3, "the key 'revision' stands here again, first in line 1"),
        ("revision: 1\nstatus:\n- {a: 1}\n- {b: 2, b: 2}\n", 4, "the key 'b' stands here again"),
        ("revision: &r [*r]\n", 1, "revision: Input should be a valid integer"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, line: int, message: str) -> None:
    (mistake,) = check_policies(text)  # type: ignore[misc]
    assert mistake.line == line
    assert message in mistake.message


def test_a_file_that_is_not_there_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="INFRASTRUCTOR_STREAMS__POLICIES_FILE"):
        load_policies(tmp_path / "none.yaml")
    (tmp_path / "wrong.yaml").write_text("revision: 1\nstatus: {flap_transitions: 1, most_skew_seconds: -1}\n")
    with pytest.raises(InputInvalid, match=r"wrong.yaml:2: .*most_skew.*; .*wrong.yaml:2: .*flap_tr"):
        load_policies(tmp_path / "wrong.yaml")
