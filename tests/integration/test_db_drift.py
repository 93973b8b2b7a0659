"""What `db check` expects of the schema is what a fresh migration makes, on the tier at hand; and it notices drift."""

import os
from pathlib import Path

import psycopg
import pytest

from sinks.timescale.inspection import drift
from sinks.timescale.inspection.asking import asking
from tests.integration.timescale_setup import settings_of

pytestmark = pytest.mark.postgres

REWRITE = os.environ.get("INFRASTRUCTOR_TEST_WRITE_CATALOGUE")
"""Set it to write the expected catalogue anew, after a migration: once on PostgreSQL and once on TimescaleDB."""


def catalogue(url: str) -> tuple[dict[drift.Key, str], dict[str, str]]:
    with asking(settings_of(url), operation="test") as asked:
        keepers = dict(asked.rows("rollup_keepers"))
        return drift.catalogue(asked.rows("catalogue")), keepers


def test_what_is_expected_is_what_the_migrations_make(url: str) -> None:
    found, keepers = catalogue(url)
    (keeper,) = set(keepers.values())
    for name, text in drift.split(found, keeper=keeper).items():
        file = Path(drift.EXPECTED) / f"{name}.tsv"
        if REWRITE:
            file.write_text(text, encoding="utf-8")
        assert file.read_text(encoding="utf-8") == text, (
            f"{file.name} is not what the migrations make: look at the difference, and run this test with "
            "INFRASTRUCTOR_TEST_WRITE_CATALOGUE=1 if it is meant"
        )
    assert drift.differences(found, drift.expected(keepers)) == []


def test_drift_is_found_and_tables_of_others_are_left_alone(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE theirs (n integer)")
        connection.execute("DROP INDEX events_subject")
        connection.execute("ALTER TABLE notifications ALTER detail TYPE varchar(20), ADD room text")
        connection.execute("ALTER TABLE gaps DROP CONSTRAINT gaps_pkey")
        connection.execute("DROP TABLE metric_conflicts")
        connection.execute("COMMENT ON TABLE alerts IS 'others'")
    found, keepers = catalogue(url)
    told = {(one.object, one.aspect): one for one in drift.differences(found, drift.expected(keepers))}
    # A view may stand on what was changed, and a key makes its columns not null.
    assert {key for key in told if key[0] != "gaps"} == {
        ("alerts", "comment"),
        ("notifications", "column detail"),
        ("notifications", "column room"),
        ("events", "index events_subject"),
        ("metric_conflicts", "kind"),
    }
    assert ("gaps", "constraint gaps_pkey") in told
    assert str(told["notifications", "column room"]) == "notifications: column room is not ours (text)"
    assert str(told["notifications", "column detail"]).endswith("'character varying(20)', not 'text'")
    assert "is missing" in str(told["events", "index events_subject"])
    assert str(told["metric_conflicts", "kind"]) == "metric_conflicts: this table is missing"
