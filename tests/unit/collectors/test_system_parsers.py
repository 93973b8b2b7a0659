"""The parsers of /proc and /sys: figures checked by hand, and what hostile text does to them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import sections
from collectors.errors import ParseError
from collectors.identity.look import parse as parse_identity
from collectors.system import cpu, disk, filesystem, memory, network, paging, pressure, temperature
from collectors.system.look import parse, samples, system_look
from schemas.metric import MetricCollectedData, Sample
from tests.unit.collectors.collector_cases import SYSTEM

STAT = "cpu  {user} 0 {system} {idle} {iowait} 0 0 {steal} 0 0\n"


def _stat(**ticks: int) -> cpu.CpuStat:
    return cpu.parse_stat(STAT.format(**({"user": 0, "system": 0, "idle": 0, "iowait": 0, "steal": 0} | ticks)))


def test_the_first_look_has_no_utilization() -> None:
    names_told = {sample.name for sample in cpu.cpu_samples(_stat(user=100), None)}
    assert names_told == {"system.cpu.time"}


def test_utilization_is_the_share_of_the_time_between_two_looks() -> None:
    shares = cpu.utilization(_stat(user=130, system=10, idle=160).total, _stat(user=100, idle=100).total)
    assert shares["user"] == 0.3
    assert shares["system"] == 0.1
    assert shares["idle"] == 0.6
    assert sum(shares.values()) == pytest.approx(1)


def test_counters_that_went_back_give_no_utilization() -> None:
    assert cpu.utilization(_stat(user=5, idle=5).total, _stat(user=100, idle=100).total) == {}


def test_iowait_may_go_back_by_itself_and_counts_as_nothing() -> None:
    shares = cpu.utilization(_stat(user=110, iowait=40, idle=190).total, _stat(user=100, iowait=50, idle=100).total)
    assert shares["iowait"] == 0
    assert shares["user"] == 0.1


def test_no_time_between_two_looks_gives_no_utilization() -> None:
    assert cpu.utilization(_stat(user=1).total, _stat(user=1).total) == {}


TICKS = st.dictionaries(st.sampled_from(sorted(set(cpu.COLUMNS))), st.integers(0, 2**64 - 1))


@given(TICKS, TICKS)
def test_utilization_is_never_negative_and_never_above_one(now: dict[str, int], before: dict[str, int]) -> None:
    shares = cpu.utilization(now, before)
    assert all(0 <= share <= 1 for share in shares.values())
    assert not shares or sum(shares.values()) == pytest.approx(1)


def test_memory_in_use_is_what_is_not_available() -> None:
    text = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\nBuffers: 50 kB\nCached: 200 kB\n"
    found = {sample.labels["system.memory.state"]: sample.value for sample in _usage(text)}
    assert found == {"used": 600 * 1024, "free": 100 * 1024, "buffers": 50 * 1024, "cached": 200 * 1024}


def _usage(text: str) -> list[Sample]:
    return [s for s in memory.memory_samples(memory.parse_meminfo(text)) if s.name == "system.memory.usage"]


def test_a_partition_is_told_by_the_disk_it_belongs_to() -> None:
    line = "   8       0 {} 1 1 1 1 1 1 1 1 0 1 1\n"
    devices = ["sda", "sda1", "nvme0n1", "nvme0n1p1", "mmcblk0", "mmcblk0p1", "xvda1", "md127", "md127p1", "dm-0"]
    found = disk.parse_diskstats("".join(line.format(device) for device in devices))
    assert [one.device for one in found] == ["sda", "nvme0n1", "mmcblk0", "xvda1", "md127", "dm-0"]


def test_interface_names_may_have_colons_and_no_space_after() -> None:
    found = network.parse_net_dev("eth0:1:12 2 3 4 0 0 0 0 15 6 7 8 0 0 0 0\n")
    assert found == (network.Interface("eth0:1", network.Traffic(12, 2, 3, 4), network.Traffic(15, 6, 7, 8)),)


def test_space_only_root_may_use_is_reserved_and_no_part_of_utilization() -> None:
    mounts = filesystem.parse_mounts("/dev/sda1 / ext4 rw 0 0\n")
    (found,) = filesystem.filesystems(mounts, filesystem.parse_statvfs("100 40 30 4096 0 0 /\n"))
    told = {s.labels.get("system.filesystem.state", s.name): s.value for s in filesystem.filesystem_samples(found)}
    assert told["used"] == 60 * 4096
    assert told["free"] == 30 * 4096
    assert told["reserved"] == 10 * 4096
    assert told["system.filesystem.utilization"] == 60 / 90


def test_errors_name_section_and_line() -> None:
    with pytest.raises(ParseError, match=r"^/proc/swaps, line 2: fewer than five columns"):
        paging.parse_swaps("Filename Type Size Used Priority\n/dev/sda2 partition\n")
    with pytest.raises(ParseError, match=r"^/proc/pressure/io, line 1: not a number"):
        pressure.parse_pressure("some avg10=nan avg60=0 avg300=0 total=1", "io")


@pytest.mark.parametrize("text", ["12_3", "٣", "+5", "1e5", "0x10", "9" * 21, "", "18446744073709551616"])
def test_only_plain_digits_of_64_bits_are_numbers(text: str) -> None:
    with pytest.raises(ParseError):
        paging.parse_vmstat(f"pgfault {text}-") if not text else paging.parse_vmstat(f"pgfault {text}")


CASES = [SYSTEM.text(case) for case in SYSTEM.cases()]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Return a case's text with pieces cut out, repeated, or replaced by anything."""
    text = draw(st.sampled_from(CASES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 200)))
        middle = draw(st.one_of(st.just(""), st.text(max_size=40), st.just(text[start:end] * 2)))
        text = text[:start] + middle + text[end:]
    return text


@settings(max_examples=300, deadline=None)
@given(damaged(), damaged())
def test_damaged_text_is_an_error_of_ours_or_a_valid_event(now: str, before: str) -> None:
    look = system_look(interval_s=10, per_cpu=True)
    try:
        readings, earlier = look.parse(now), look.parse(before)
    except ParseError:
        return
    (observation,) = look.tell(readings, earlier).observations
    assert isinstance(observation.data, MetricCollectedData)
    for sample in observation.data.samples:
        assert sample.name == "hw.temperature" or sample.value >= 0


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_any_text_is_an_error_of_ours_or_readings(text: str) -> None:
    wrapped = sections.join([("/proc/stat", "cpu 1 2 3 4\n"), ("/proc/sys/kernel/hostname", text), ("statvfs", text)])
    for parser in (parse, parse_identity):
        for candidate in (text, wrapped):
            try:
                parser(candidate)
            except ParseError:
                continue


def test_ten_megabytes_are_read_in_a_moment() -> None:
    line = "   8       0 sda 1 1 1 1 1 1 1 1 0 1 1\n"
    text = sections.join([("/proc/stat", "cpu 1 2 3 4\n"), ("/proc/diskstats", line * (10_000_000 // len(line)))])
    assert len(parse(text).disks) == 1


def test_two_disks_with_one_sensor_name_stay_apart() -> None:
    found = temperature.parse_temperatures(
        {
            "/sys/class/hwmon/hwmon1/name": "nvme",
            "/sys/class/hwmon/hwmon2/name": "nvme",
            "/sys/class/hwmon/hwmon1/temp1_input": "40000",
            "/sys/class/hwmon/hwmon2/temp1_input": "-5000",
        }
    )
    assert [(one.id, one.celsius) for one in found] == [("nvme/temp1", 40.0), ("nvme#2/temp1", -5.0)]


def test_each_processor_is_told_when_asked() -> None:
    readings = parse(sections.join([("/proc/stat", "cpu 2 0 2 4\ncpu0 1 0 1 2\ncpu1 1 0 1 2\n")]))
    numbers = {sample.labels.get("cpu.logical_number") for sample in samples(readings, None, per_cpu=True)}
    assert numbers == {None, "0", "1"}
