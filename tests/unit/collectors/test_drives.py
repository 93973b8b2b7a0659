"""The drives collector: figures checked by hand, who a sleeping drive is, what is asked, and smartctl itself."""

import json
import shutil
from datetime import UTC, datetime
from typing import Any

import pytest

from collectors.chain import ask
from collectors.drives.ata import count_of
from collectors.drives.drive import unheard
from collectors.drives.links import read_links
from collectors.drives.look import ANSWERS, drives_look, then
from collectors.drives.reading import Readings, parse
from collectors.drives.telling import ROOM, fitted, recall, tell
from collectors.errors import ParseError
from collectors.local import LocalTransport
from collectors.look import Told
from collectors.request import Chain
from collectors.sections import join
from collectors.transport import Limits
from schemas.drive import AtaAttribute, Drive, DriveObservedData, SmartctlExit
from schemas.metric import MetricCollectedData
from tests.unit.collectors.collector_cases import CORPUS, DRIVES

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)


def _document(*, messages: tuple[str, ...] = (), exit_status: int = 0, **more: Any) -> str:
    smartctl = {
        "version": [7, 4],
        "argv": ["smartctl", "-j", "-x", "-n", "standby", "-d", "sat", "/dev/sda"],
        "messages": [{"string": message, "severity": "information"} for message in messages],
        "exit_status": exit_status,
    }
    device = {"name": "/dev/sda", "type": "sat", "protocol": "ATA"}
    return json.dumps({"smartctl": smartctl, "device": device} | more)


def _one(text: str) -> Drive:
    (drive,) = parse(text).drives
    return drive


def _attributes(*rows: tuple[int, str, int, str]) -> dict[str, Any]:
    table = [
        {
            "id": number,
            "name": name,
            "value": value,
            "worst": value,
            "thresh": 0,
            "raw": {"value": 1 << 40, "string": raw},
        }
        for number, name, value, raw in rows
    ]
    return {"ata_smart_attributes": {"table": table}}


@pytest.mark.parametrize(
    "words",
    ["STANDBY", "SLEEP", "STANDBY_Y", "STANDBY BY TIMER", "STANDBY BY COMMAND", "STANDBY (OS)", "LOW POWER"],
)
def test_a_drive_in_standby_says_that_and_nothing_else(words: str) -> None:
    drive = _one(
        _document(messages=(f"Device is in {words} mode, exit(2)",), exit_status=2, power_on_time={"hours": 7})
    )
    assert drive.standby
    given = {name for name, value in drive.model_dump().items() if value not in (None, (), [])}
    assert given == {"id", "path", "device_type", "protocol", "standby"}
    told = tell(Readings((drive,)), None)
    (metrics,) = [one.data for one in told.observations if isinstance(one.data, MetricCollectedData)]
    assert [(sample.name, sample.value) for sample in metrics.samples] == [("hw.physical_disk.standby", 1.0)]


def test_a_drive_that_cannot_be_opened_is_not_asleep() -> None:
    drive = _one(_document(messages=("Smartctl open device: /dev/sda failed: Permission denied",), exit_status=2))
    assert not drive.standby
    assert drive.messages == ("Smartctl open device: /dev/sda failed: Permission denied",)
    assert tell(Readings((drive,)), None).observations[1].data is not None


@pytest.mark.parametrize("bit", SmartctlExit)
def test_every_bit_of_the_exit_status_is_told(bit: SmartctlExit) -> None:
    readings = parse(_document(exit_status=int(bit), serial_number="S1"))
    assert readings.drives[0].exit_status == bit
    observations = tell(readings, None).observations
    (metrics,) = [one.data for one in observations if isinstance(one.data, MetricCollectedData)]
    found = {
        sample.labels["smartctl.exit_bit"]: sample.value
        for sample in metrics.samples
        if sample.name == "hw.physical_disk.smartctl_exit"
    }
    assert len(found) == 8
    assert [name for name, value in found.items() if value] == [str(bit.name).lower()]


def test_a_sleeping_drive_is_known_by_the_names_that_udev_gave_it() -> None:
    links = read_links(
        "total 0\n"
        "lrwxrwxrwx 1 root root  9 Nov 21 02:11 ata-WDC_WD40EFRX-68N32N0_WD-WCC7K0AB1234 -> ../../sdb\n"
        "lrwxrwxrwx 1 root root 10 Nov 21 02:11 ata-WDC_WD40EFRX-68N32N0_WD-WCC7K0AB1234-part1 -> ../../sdb1\n"
        "lrwxrwxrwx    1 root     root             9 Nov 21 02:11 wwn-0x50014EE2B8A1C0DE -> ../../sdb\n"
    )
    assert list(links) == ["/dev/sdb"]
    assert (links["/dev/sdb"].serial, links["/dev/sdb"].wwn) == ("WD-WCC7K0AB1234", "0x50014ee2b8a1c0de")


def test_a_sleeping_drive_is_not_taken_for_one_with_another_name() -> None:
    before = parse(_document(serial_number="OLD", wwn={"naa": 5, "oui": 1, "id": 1}))
    asleep = _document(messages=("Device is in STANDBY mode, exit(2)",), exit_status=2)
    link = "lrwxrwxrwx 1 root root 9 Nov 21 02:11 wwn-0x5000c50000000002 -> ../../sda\n"
    now = parse(join([("ls -l /dev/disk/by-id", link), ("smartctl -j -x -n standby -d sat /dev/sda [exit 2]", asleep)]))
    data = tell(now, before).observations[0].data
    assert isinstance(data, DriveObservedData)
    assert data.drives[0].id == "0x5000c50000000002"


def test_who_a_drive_is_lasts_through_any_number_of_looks_at_it_asleep() -> None:
    awake = parse(_document(serial_number="S1", model_name="One", wwn={"naa": 5, "oui": 1, "id": 1}))
    asleep = parse(_document(messages=("Device is in STANDBY mode, exit(2)",), exit_status=2))
    memory: dict[str, bytes] = {}
    for now in (awake, asleep, asleep, asleep):
        # What is remembered is all that is left: the agent may have started anew between any two.
        told = recall(now, memory, NOW)
        memory |= {place: known for place, known in told.remember.items() if known is not None}
        (drive,) = _drives(told)
        assert (drive.id, drive.serial, drive.model, drive.standby) == ("S1", "S1", "One", now is asleep)
    # Nothing is written while nothing is another.
    assert recall(asleep, memory, NOW).remember == {}
    other = recall(parse(_document(serial_number="S2")), memory, NOW)
    assert [known is not None and b"S2" in known for known in other.remember.values()] == [True]
    gone = recall(Readings(()), memory, NOW)
    assert gone.remember == {"/dev/sda sat": None}
    assert recall(Readings((), complete=False), memory, NOW).remember == {}
    (unknown,) = _drives(recall(asleep, {"/dev/sda sat": b'{"of another version": 1}'}, NOW))
    assert unknown.serial is None


def _drives(told: Told) -> tuple[Drive, ...]:
    data = told.observations[0].data
    assert isinstance(data, DriveObservedData)
    return data.drives


def test_an_awake_drive_without_a_serial_number_inherits_none() -> None:
    before = parse(_document(serial_number="OLD"))
    data = tell(parse(_document(model_name="New")), before).observations[0].data
    assert isinstance(data, DriveObservedData)
    assert data.drives[0].serial is None


@pytest.mark.parametrize(
    ("text", "raw", "count"),
    [
        ("2111 (12437 0)", 53416508262463, 2111),
        ("180 (Average 187)", 17192124596, 180),
        ("42", 42, 42),
        ("41250h+04m+55.812s", 211140519346466, None),
        ("0x0000000000ff", 255, None),
        (None, 7, 7),
        ("99999999999999999999", 7, None),
    ],
)
def test_an_attribute_counts_what_smartctl_prints_first(text: str | None, raw: int, count: int | None) -> None:
    assert count_of(AtaAttribute(id=196, name="Reallocated_Event_Count", raw=raw, raw_text=text)) == count


def test_attributes_mean_what_their_name_says_and_not_their_number() -> None:
    drive = _one(
        _document(
            rotation_rate=0,
            **_attributes(
                (5, "Reallocated_Sector_Ct", 100, "3 (1 0)"),
                (187, "Unknown_Attribute", 100, "9"),
                (198, "Total_Offl_Uncorrectabl", 100, "2"),
                (202, "Exception_Mode_Status", 40, "0"),
                (230, "Media_Wearout_Indicator", 1, "5"),
            ),
        )
    )
    assert (drive.reallocated_sectors, drive.uncorrectable_sectors) == (3, 2)
    assert drive.reported_uncorrectable is None
    assert drive.wear_percent is None
    assert drive.pending_sectors is None


@pytest.mark.parametrize(
    ("number", "name", "value", "wear"),
    [
        (177, "Wear_Leveling_Count", 81, 19),
        (233, "Media_Wearout_Indicator", 22, 78),
        (202, "Percent_Lifetime_Remain", 97, 3),
        (202, "Percent_Lifetime_Used", 90, 10),
        (231, "SSD_Life_Left", 0, 100),
        (169, "Remaining_Lifetime_Perc", 200, None),
    ],
)
def test_wear_is_what_is_missing_of_a_hundred(number: int, name: str, value: int, wear: int | None) -> None:
    assert _one(_document(rotation_rate=0, **_attributes((number, name, value, "0")))).wear_percent == wear
    assert _one(_document(rotation_rate=7200, **_attributes((number, name, value, "0")))).wear_percent is None


def test_wear_of_a_drive_that_counts_what_is_left() -> None:
    table = _attributes((169, "Remaining_Lifetime_Perc", 100, "96"), (177, "Wear_Leveling_Count", 100, "401"))
    assert _one(_document(rotation_rate=0, **table)).wear_percent == 4


def test_lbas_of_a_drive_that_smartctl_does_not_know_may_be_anything() -> None:
    rows = _attributes((241, "Total_LBAs_Written", 100, "1000"), (242, "Host_Reads_32MiB", 100, "2"))
    known = _one(_document(in_smartctl_database=True, logical_block_size=512, **rows))
    assert (known.written_bytes, known.read_bytes) == (512_000, 64 * 2**20)
    assert _one(_document(in_smartctl_database=False, **rows)).written_bytes is None


def test_a_field_that_is_not_given_is_absent() -> None:
    drive = _one(_document(serial_number="S1"))
    given = {name for name, value in drive.model_dump().items() if value not in (None, (), [])}
    assert given == {"id", "serial", "path", "device_type", "protocol", "exit_status", "standby"}


def test_after_the_scan_each_drive_is_asked_without_a_shell() -> None:
    devices = [
        {"name": "/dev/sda", "type": "sat"},
        {"name": "/dev/sda", "type": "sat"},
        {"name": "/dev/bus/0", "type": "megaraid,4"},
        {"name": "/dev/sdc", "type": "scsi", "open_error": "Permission denied"},
        {"name": "/dev/nvme0"},
    ]
    commands = then(json.dumps({"devices": devices}))
    assert [command.argv for command in commands] == [
        ("ls", "-l", "/dev/disk/by-id"),
        ("smartctl", "-j", "-x", "-n", "standby", "-d", "sat", "/dev/sda"),
        ("smartctl", "-j", "-x", "-n", "standby", "-d", "megaraid,4", "/dev/bus/0"),
        ("smartctl", "-j", "-x", "-n", "standby", "/dev/nvme0"),
    ]
    assert {0, 2, 4, 64, 216, 254} <= ANSWERS
    assert not {1, 126, 127, 255} & ANSWERS


def test_a_device_without_drives_is_asked_no_more() -> None:
    assert then('{"smartctl": {"exit_status": 0}}') == ()
    assert tell(parse('{"smartctl": {"argv": ["smartctl", "--scan-open", "-j"]}}'), None).observations[0].data


def test_a_drive_that_the_scan_found_and_nobody_asked_makes_the_look_incomplete() -> None:
    scan = json.dumps({"smartctl": {"argv": []}, "devices": [{"name": "/dev/sda"}, {"name": "/dev/sdb"}]})
    readings = parse(join([("smartctl --scan-open -j", scan), ("smartctl -x /dev/sda", _document(serial_number="S"))]))
    assert not readings.complete


def test_a_program_that_was_refused_fails_with_the_place() -> None:
    with pytest.raises(ParseError, match=r"smartctl -j -x /dev/sda \[exit 1\], line 1: is empty"):
        parse(join([("smartctl -j -x /dev/sda [exit 1]", "")]))


def test_a_hundred_full_drives_lose_their_details_first_and_then_their_number() -> None:
    (full,) = parse(DRIVES.text("failing-behind-usb")).drives
    many = tuple(full.model_copy(update={"id": f"S{number}"}) for number in range(400))
    kept, complete = fitted(many)
    assert complete
    assert len(kept) == 400
    assert kept[0].attributes == ()
    assert len(kept[0].self_tests) == 1
    assert kept[0].reallocated_sectors == full.reallocated_sectors
    kept, complete = fitted(many * 10)
    assert not complete
    assert sum(len(drive.model_dump_json(exclude_none=True)) for drive in kept) <= ROOM


def test_the_look_and_its_command() -> None:
    look = drives_look(interval_s=3600)
    assert isinstance(look.request, Chain)
    assert look.argv == ("smartctl", "--scan-open", "-j")
    assert look.cache_ttl_s == 3600


@pytest.mark.skipif(shutil.which("smartctl") is None, reason="smartctl is not installed")
async def test_the_real_program() -> None:
    look = drives_look()
    output = await ask(LocalTransport(), look.request, Limits(timeout_s=60))
    readings = look.parse(output.text)
    assert readings.version is not None
    assert look.tell(readings, None).observations


def test_a_failing_drive_of_the_corpus() -> None:
    file = CORPUS / "smartctl" / "smart-fail2.json"
    if not file.exists():
        pytest.skip(f"{file} is absent")
    drive = _one(file.read_text(encoding="utf-8"))
    assert (drive.id, drive.passed, drive.exit_status) == ("MSK423Y20S3HBC", False, 216)
    assert (drive.reallocated_sectors, drive.pending_sectors, drive.uncorrectable_sectors) == (1975, 8, 0)
    assert (drive.power_on_hours, drive.power_cycles, drive.temperature_celsius) == (65592, 86, 25)
    assert drive.wwn == "0x5000cca37fca81a8"
    assert [test.passed for test in drive.self_tests].count(False) > 0
    assert not unheard(drive)
