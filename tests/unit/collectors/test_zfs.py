"""The zfs collector: what is run by version, the words of scans, counts, ages, and who is whose part."""

from datetime import UTC, datetime

import pytest

from collectors.errors import ParseError
from collectors.request import Chain
from collectors.zfs.arc import arc_samples, parse_arcstats
from collectors.zfs.commands import VERSION, commands, read_version
from collectors.zfs.listing import MOST_DATASETS, list_text, read_datasets
from collectors.zfs.look import zfs_look
from collectors.zfs.reading import parse
from collectors.zfs.scan import ctime, current, read_scan
from collectors.zfs.status import kind_of, read_status
from collectors.zfs.telling import ROOM, fitted, tell
from collectors.zfs.words import count, rounded_size
from schemas.metric import MetricCollectedData
from schemas.pool import Pool, PoolDevice, Scan
from tests.unit.collectors.collector_cases import CORPUS, ZFS

ENDED = "Sun Nov  8 00:26:14 2026"


def test_what_is_run_with_which_version() -> None:
    assert read_version("zfs-2.2.2-0ubuntu9.1\nzfs-kmod-2.2.2-0ubuntu9.1\n") == "2.2.2-0ubuntu9.1"
    assert read_version("unrecognized command 'version'\n") is None
    old = [" ".join(command.argv) for command in commands("zfs-2.2.7-1\nzfs-kmod-2.3.0-1\n")]
    assert old == [
        "zpool list -p",
        "env TZ=UTC0 zpool status -p -T u",
        "zpool get -H -p -o name,property,value guid,readonly,freeing,leaked",
        "zfs list -H -p -t filesystem,volume -o name,type,used,available,referenced,quota,compressratio,mountpoint",
        "cat /proc/spl/kstat/zfs/arcstats",
    ]
    assert commands("") == commands("zfs-0.8.6-1\n")
    for version in ("zfs-2.3.0-1\n", "zfs-2.10.1\n", "zfs-3.0.0-rc1\n"):
        new = [" ".join(command.argv) for command in commands(version)]
        assert new[:3] == [
            "zpool list -j -p",
            "env TZ=UTC0 zpool status -j -p -T u",
            "zpool get -j -p guid,readonly,freeing,leaked",
        ]


def test_the_look_and_its_command() -> None:
    look = zfs_look(interval_s=600)
    assert isinstance(look.request, Chain)
    assert look.request.first == VERSION
    assert look.cache_ttl_s == 600


@pytest.mark.parametrize(
    ("paragraph", "expected"),
    [
        ("none requested", None),
        (
            f"scrub repaired 0B in 0 days 00:24:01 with 0 errors on {ENDED}",
            Scan(kind="scrub", state="finished", progress=1.0, repaired_bytes=0, errors=0),
        ),
        (
            f"scrub repaired 0 in 0h24m with 12 errors on {ENDED}",
            Scan(kind="scrub", state="finished", progress=1.0, repaired_bytes=0, errors=12),
        ),
        (
            f"thorough scrub repaired 1.50M in 3 days 00:24:01 with 0 errors on {ENDED}",
            Scan(kind="scrub", state="finished", progress=1.0, repaired_bytes=1_572_864, errors=0),
        ),
        (
            f"resilvered (mirror-0) 12.5G in 00:01:10 with 0 errors on {ENDED}",
            Scan(kind="resilver", state="finished", progress=1.0, repaired_bytes=13_421_772_800, errors=0),
        ),
        (f"resilver canceled on {ENDED}", Scan(kind="resilver", state="canceled")),
        (f"scrub canceled on {ENDED}", Scan(kind="scrub", state="canceled")),
        (
            f"scrub in progress since {ENDED}\n1.00G scanned, 0B issued, 2.00G total\n"
            "0B repaired, 0.00% done, no estimated completion time",
            Scan(
                kind="scrub",
                state="running",
                progress=0.0,
                scanned_bytes=2**30,
                total_bytes=2**31,
                repaired_bytes=0,
            ),
        ),
        (
            f"resilver (raidz1-0) in progress since {ENDED}\n10.0G / 20.0G scanned at 1.00G/s, 5.00G / 20.0G issued\n"
            "4.00G resilvered, 25.00% done, 2 days 01:00:05 to go",
            Scan(
                kind="resilver",
                state="running",
                progress=0.25,
                scanned_bytes=10 * 2**30,
                total_bytes=20 * 2**30,
                repaired_bytes=4 * 2**30,
                remaining_seconds=2 * 86400 + 3605.0,
            ),
        ),
        (
            f"scrub in progress since {ENDED}\n1T / 1T scanned\n0B repaired, 101.25% done, 00:00:00 to go",
            Scan(
                kind="scrub",
                state="running",
                progress=1.0,
                scanned_bytes=2**40,
                total_bytes=2**40,
                repaired_bytes=0,
                remaining_seconds=0.0,
            ),
        ),
        ("in words that nobody knows", None),
    ],
)
def test_scans_in_the_words_of_several_versions(paragraph: str, expected: Scan | None) -> None:
    assert read_scan(paragraph, utc=False) == expected


def test_times_count_only_when_they_are_in_utc() -> None:
    text = f"scrub repaired 0B in 00:24:01 with 0 errors on {ENDED}"
    known = read_scan(text, utc=True)
    assert known is not None
    assert known.ended_at == datetime(2026, 11, 8, 0, 26, 14, tzinfo=UTC)
    assert ctime("Thu Feb 30 00:00:00 2026") is None
    assert ctime("Sun Nov  8 00:26:14 0000") is None


def test_the_scan_that_counts() -> None:
    first = Scan(kind="scrub", state="finished", ended_at=datetime(2026, 11, 9, tzinfo=UTC))
    second = Scan(kind="resilver", state="finished", ended_at=datetime(2026, 11, 8, tzinfo=UTC))
    running = Scan(kind="resilver", state="running")
    assert current([]) is None
    assert current([first, second]) == first
    assert current([second, running]) == running
    untimed = Scan(kind="resilver", state="canceled")
    assert current([first, untimed]) == untimed


@pytest.mark.parametrize(
    ("device", "kind"),
    [
        ("mirror-0", "mirror"),
        ("raidz2-11", "raidz2"),
        ("raidz1-0", "raidz1"),
        ("draid2:8d:12c:2s-0", "draid2"),
        ("draid2-0-1", "spare"),
        ("replacing-3", "replacing"),
        ("spare-1", "spare"),
        ("sda", "disk"),
        ("mirror-disk", "disk"),
        ("/srv/a.img", "file"),
    ],
)
def test_what_a_device_is_by_its_name(device: str, kind: str) -> None:
    assert kind_of(device) == kind


def test_columns_that_options_add_are_not_taken_for_notes() -> None:
    text = (
        "  pool: a\n state: ONLINE\nconfig:\n\n"
        "\tNAME        STATE     READ WRITE CKSUM  SLOW POWER\n"
        "\ta           ONLINE       1     2     3     -     -\n"
        "\t  sda       ONLINE       0     0     0     4    on  (trimming)\n"
    )
    status = read_status(text, section="zpool", utc=False)["a"]
    assert status.errors == (1, 2, 3)
    assert status.devices[0].note == "(trimming)"


def test_a_status_pasted_with_blanks_for_tabs_is_read_the_same() -> None:
    text = ZFS.text("0.8-resilver-onto-a-spare")
    pasted = text.split("==> env")[1].split("<==\n", 1)[1].split("\n==>", 1)[0]
    with_tabs, with_blanks = parse(pasted), parse(pasted.replace("\t", "        "))
    assert with_blanks == with_tabs
    assert len(with_tabs.pools[0].devices) == 7


def test_a_pool_with_blanks_in_its_name() -> None:
    text = "NAME        SIZE  HEALTH\nmy slow one  10  ONLINE\n"
    assert list_text(text, section="zpool list") == {"my slow one": {"size": "10", "health": "ONLINE"}}


@pytest.mark.parametrize("text", ["1.2K", "7.3T", "-5", "1e3", "٣"])
def test_only_exact_numbers_are_counts(text: str) -> None:
    with pytest.raises(ParseError, match="section x"):
        count(text, section="section x")


def test_sizes_are_as_exact_as_zpool_says_them() -> None:
    assert [rounded_size(text) for text in ("0B", "512", "1.50K", "199G", "1.23T", "x", "1.2Q")] == [
        0,
        512,
        1536,
        199 * 2**30,
        1_352_399_302_164,
        None,
        None,
    ]


def test_the_hit_ratio_needs_two_looks_and_counters_that_did_not_begin_again() -> None:
    def ratios(now: dict[str, int], before: dict[str, int] | None) -> list[float]:
        return [one.value for one in arc_samples(now, before) if one.name == "zfs.arc.hit_ratio"]

    assert ratios({"hits": 175, "misses": 25}, {"hits": 100, "misses": 0}) == [0.75]
    assert ratios({"hits": 175, "misses": 25}, None) == []
    assert ratios({"hits": 5, "misses": 25}, {"hits": 100, "misses": 0}) == []
    assert ratios({"hits": 100, "misses": 0}, {"hits": 100, "misses": 0}) == []


def test_arcstats_name_the_line_that_is_wrong() -> None:
    with pytest.raises(ParseError, match="line 3"):
        parse_arcstats("13 1 0x01 1 2 3 4\nname type data\nhits 4 many\n")


def test_the_deepest_datasets_are_left_out_first() -> None:
    found = {f"tank/a/{number}": {"type": "filesystem"} for number in range(MOST_DATASETS + 50)} | {
        "tank": {"type": "filesystem"},
        "tank/z": {"type": "volume"},
        "tank/z@now": {"type": "snapshot"},
    }
    kept = list(read_datasets(found, section="zfs list"))
    assert [one.name for one in kept[:2]] == ["tank", "tank/z"]
    assert len(kept) <= MOST_DATASETS


def test_pools_that_do_not_fit_lose_their_datasets_first_and_then_their_number() -> None:
    devices = tuple(PoolDevice(name=f"d{number}", state="online", note="x" * 1000) for number in range(800))
    pools = tuple(Pool(name=f"p{number}", state="online", devices=devices) for number in range(3))
    kept, complete = fitted(pools)
    assert not complete
    assert [pool.name for pool in kept] == ["p0"]
    assert len(kept[0].model_dump_json(exclude_none=True)) <= ROOM


def test_the_age_of_a_scrub_is_by_the_clock_of_the_device() -> None:
    readings = parse(ZFS.text("2.1-two-pools"))
    (metrics,) = [one.data for one in tell(readings, None).observations if isinstance(one.data, MetricCollectedData)]
    ages = {one.labels["zfs.pool"]: one.value for one in metrics.samples if one.name == "zfs.scan.age"}
    ended = datetime(2026, 11, 8, 0, 26, 14, tzinfo=UTC).timestamp()
    assert ages["rpool"] == 1795228814 - ended


def test_a_program_that_failed_leaves_its_fields_absent() -> None:
    readings = parse(ZFS.text("2.1-datasets-and-properties-fail"))
    assert readings.pools[0].guid is None
    assert readings.pools[0].datasets == ()
    assert readings.pools[0].size_bytes == 100
    with pytest.raises(ParseError, match="zpool list ended with 1, zpool status ended with 1"):
        parse(ZFS.text("no-module"))


def test_the_pools_of_the_corpus() -> None:
    file = CORPUS / "zpool" / "zpool-list.txt"
    if not file.exists():
        pytest.skip(f"{file} is absent")
    rpool, zion = parse(file.read_text(encoding="utf-8")).pools
    assert (rpool.size_bytes, rpool.allocated_bytes, rpool.free_bytes) == (21367462298, 9051643576, 12240656794)
    assert (rpool.fragmentation, rpool.capacity, rpool.deduplication_ratio) == (0.33, 0.42, 1.0)
    assert (zion.state, zion.size_bytes) == ("faulted", None)


def test_a_version_holds_no_character_that_an_event_refuses() -> None:
    assert read_version("zfs-2.2.9-\x00\n") == "2.2.9-"
