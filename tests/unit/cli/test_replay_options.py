"""What `replay backfill` refuses before it asks anybody."""

import pytest
from click.testing import CliRunner

from cli.replay import replay
from runtime.errors import InputInvalid


@pytest.mark.parametrize(("begin", "end"), [("1h", "2h"), ("2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z")])
def test_a_range_that_ends_before_it_begins_is_refused(begin: str, end: str) -> None:
    done = CliRunner().invoke(replay, ["backfill", "--from", begin, "--to", end])
    assert isinstance(done.exception, InputInvalid)
    assert f"--from {begin} is not before --to {end}" in str(done.exception)
