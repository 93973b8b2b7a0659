"""What happens to drives between two looks, and what an accepted baseline does."""

from typing import Any

import pytest

from tests.unit.streams.entity_looks import Json, looks, told, whats
from tests.unit.streams.log_of_events import Observations


def drives(*those: Json, complete: bool = True) -> Json:
    return {"drives": list(those), "complete": complete}


def drive(name: str = "S1", **facts: Any) -> Json:
    known = {"id": name, "serial": name, "path": "/dev/sda", "model": "Disk", "protocol": "ATA", "rotation_rpm": 7200}
    return known | {"passed": True, "power_on_hours": 1, "exit_status": 0, "reallocated_sectors": 0} | facts


WELL = drive()
FAILED_TEST = {"kind": "Extended", "result": "read failure", "passed": False, "power_on_hours": 9}
PASSED_TEST = {"kind": "Short", "result": "without error", "passed": True, "power_on_hours": 10}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (WELL, WELL, []),
        (WELL, drive(passed=False), ["S1 health_failed failing"]),
        (WELL, drive(exit_status=16), ["S1 health_failed failing"]),
        (WELL, drive(critical_warning=1), ["S1 health_failed failing"]),
        (WELL, drive(critical_warning=2), []),
        (WELL, drive(reallocated_sectors=8), ["S1 reallocated_rose warning"]),
        (WELL, drive(grown_defects=1), ["S1 reallocated_rose warning"]),
        (WELL, drive(pending_sectors=1), ["S1 pending_rose warning"]),
        (WELL, drive(uncorrectable_sectors=1, reported_uncorrectable=2), ["S1 uncorrectable_rose warning"]),
        (WELL, drive(media_errors=1), ["S1 media_errors_rose warning"]),
        (drive(wear_percent=79), drive(wear_percent=80), ["S1 wear_rose warning"]),
        (drive(wear_percent=10), drive(wear_percent=79), []),
        (drive(available_spare_percent=76), drive(available_spare_percent=75), ["S1 spare_fell warning"]),
        (WELL, drive(temperature_celsius=55.5), ["S1 temperature_out_of_range warning"]),
        (WELL, drive(temperature_celsius=3.0), ["S1 temperature_out_of_range warning"]),
        (WELL, drive(temperature_celsius=60.0, rotation_rpm=0), []),
        (
            WELL,
            drive(temperature_celsius=54.0, temperature_limit_celsius=55.0),
            ["S1 temperature_out_of_range warning"],
        ),
        (WELL, drive(self_tests=[FAILED_TEST]), ["S1 self_test_failed warning"]),
        (drive(reallocated_sectors=8), drive(reallocated_sectors=9), ["S1 reallocated_rose warning"]),
        (drive(reallocated_sectors=8), drive(reallocated_sectors=2), []),
        (drive(pending_sectors=8), drive(pending_sectors=2), ["S1 pending_fell warning"]),
        (drive(pending_sectors=8), drive(pending_sectors=0), ["S1 pending_fell healthy"]),
        (drive(passed=False), WELL, ["S1 health_recovered healthy"]),
        (drive(self_tests=[FAILED_TEST]), drive(self_tests=[PASSED_TEST]), ["S1 self_test_passed healthy"]),
        (drive(passed=False), {"id": "S1", "path": "/dev/sda", "standby": True}, []),
    ],
)
def test_two_looks_at_a_drive(before: Json, after: Json, expected: list[str]) -> None:
    first = whats(looks("drive", drives(before)))
    assert whats(looks("drive", drives(before), drives(after)))[len(first) :] == expected


def test_the_first_look_tells_once_what_is_wrong() -> None:
    failing = drive("S2", passed=False, reallocated_sectors=64, pending_sectors=3, path="/dev/sdb")
    worn = drive("S3", reallocated_sectors=8, path="/dev/sdc")
    log = looks("drive", drives(WELL, failing, worn), drives(WELL, failing, worn))
    assert whats(log) == ["S2 health_failed failing", "S3 reallocated_rose warning"]
    assert told(log)[0].summary == "Disk (S2) says that it is failing: 64 moved sectors, 3 pending sectors"


def test_temperature_does_not_flap_at_its_limit() -> None:
    degrees = [54.0, 55.5, 54.0, 55.5, 53.0, 56.0, 52.0, 54.0]
    assert whats(looks("drive", *(drives(drive(temperature_celsius=one)) for one in degrees))) == [
        "S1 temperature_out_of_range warning",
        "S1 temperature_in_range healthy",
    ]


def test_a_drive_that_sleeps_stays_as_it_was() -> None:
    asleep = {"id": "S1", "serial": "S1", "path": "/dev/sda", "standby": True}
    worse = drive(reallocated_sectors=8)
    assert whats(looks("drive", drives(asleep), drives(WELL), drives(asleep), drives(worse), drives(asleep))) == [
        "S1 reallocated_rose warning"
    ]


def test_appeared_vanished_and_replaced_by_serial_number() -> None:
    other, third = drive("S2", path="/dev/sdb"), drive("S3")
    log = looks("drive", drives(WELL), drives(WELL, other), drives(WELL), drives(third), drives(complete=False))
    assert whats(log) == [
        "S2 appeared healthy",
        "S2 vanished gone",
        "S3 appeared healthy",
        "S1 replaced gone",
    ]
    assert told(log)[-1].summary == "Disk (S1) was replaced by Disk (S3) as /dev/sda"


def test_what_is_accepted_counts_no_more_and_what_exceeds_it_does() -> None:
    log = Observations()
    log.look(drives(drive(reallocated_sectors=8)), "drive")
    log.wait(60)
    log.accept("drive", "S1", reallocated_sectors=8)
    for count in (8, 9):
        log.wait(60)
        log.look(drives(drive(reallocated_sectors=count)), "drive")
    assert whats(log) == ["S1 reallocated_rose warning", "S1 health_recovered healthy", "S1 reallocated_rose warning"]
    accepted, rose = told(log)[1:]
    assert accepted.summary == "Disk (S1) is healthy: ada accepted it as it is"
    assert [one.offset for one in accepted.evidence] == [0, 1]
    assert (rose.before, rose.after) == ({"reallocated_sectors": 8}, {"reallocated_sectors": 9})
    assert rose.summary == "Disk (S1) has 9 moved sectors, 1 more than before"


def test_a_baseline_that_came_first_holds_for_the_first_look() -> None:
    log = Observations()
    log.accept("drive", "S1", reallocated_sectors=8, wear_percent=85)
    log.look(drives(drive(reallocated_sectors=8, wear_percent=86)), "drive")
    assert whats(log) == []
