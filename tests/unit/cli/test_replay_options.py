"""What `replay backfill` refuses before it asks anybody."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.replay import goes_on, replay
from replay.plan import Reach
from replay.progress import Progress, ProgressFile
from runtime.errors import InputInvalid

HOUR_MS = 3_600_000


@pytest.mark.parametrize(("begin", "end"), [("1h", "2h"), ("2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z")])
def test_a_range_that_ends_before_it_begins_is_refused(begin: str, end: str) -> None:
    done = CliRunner().invoke(replay, ["backfill", "--from", begin, "--to", end])
    assert isinstance(done.exception, InputInvalid)
    assert f"--from {begin} is not before --to {end}" in str(done.exception)


@pytest.mark.parametrize(("ages", "after_ms"), [(True, HOUR_MS - 1), (False, 1000 * HOUR_MS)])
def test_an_earlier_run_is_taken_up_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ages: bool, after_ms: int
) -> None:
    file = ProgressFile(tmp_path, {"from": "2d"})
    goes_on(file, ages=ages, now_ms=0)
    assert capsys.readouterr().err == ""
    with file.held():
        file.save(Progress([Reach("infra.metrics", 0, 1, 9)], planned_ms=1_700_000_000_000))
    goes_on(file, ages=ages, now_ms=1_700_000_000_000 + after_ms)
    assert "going on with what was begun at 2023-11-14 22:13:20Z" in capsys.readouterr().err


def test_ages_of_last_week_are_not_taken_for_those_of_today(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path, {"from": "2d"})
    with file.held():
        file.save(Progress([Reach("infra.metrics", 0, 1, 9)], planned_ms=1_700_000_000_000))
    with pytest.raises(InputInvalid, match=r"begun at 2023-11-14 22:13:20Z and interrupted.*--restart"):
        goes_on(file, ages=True, now_ms=1_700_000_000_000 + HOUR_MS + 1)
