"""The pure parts of the operators' commands: names, times, matchers, ids, values that are accepted."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from cli.operators import said
from cli.operators.accepting import Others, Thing, found_in, kind_of, overridden, wanted_series
from cli.operators.ids import chosen, short_ids
from cli.operators.matchers import exactly, read_matchers
from cli.operators.shown import ago, harmless, plain
from cli.operators.speaker import Speaker, cleaned
from cli.operators.times import ending, moment
from runtime.errors import InputInvalid
from schemas.drive import Drive, DriveObserved, DriveObservedData
from schemas.identity import derived_id
from schemas.metric_look import MetricLook, Series, series_key
from schemas.network import Interface, NetworkObserved, NetworkObservedData

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ADA = Speaker("ada", NOW)
EPOCH = uuid4()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ada", "ada"),
        ("Ada Lovelace", "Ada-Lovelace"),
        ("DOMAIN\\ada", "DOMAIN-ada"),
        ("  jürgen.müller@example.org ", "jurgen.muller-example.org"),
        ("x" * 100, "x" * 63),
    ],
)
def test_a_name_becomes_what_a_source_may_carry(name: str, expected: str) -> None:
    assert cleaned(name) == expected


def test_a_name_of_which_nothing_is_left_is_refused() -> None:
    with pytest.raises(InputInvalid, match="no name of an operator"):
        cleaned("--- 漢字")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T22:00:00Z", "2026-11-20T22:00:00+00:00"),
        ("2026-11-20 22:00+01:00", "2026-11-20T21:00:00+00:00"),
        ("2026-11-20 22:00 Europe/Berlin", "2026-11-20T21:00:00+00:00"),
        ("2026-07-20 22:00 Europe/Berlin", "2026-07-20T20:00:00+00:00"),
    ],
)
def test_a_moment_says_its_zone(text: str, expected: str) -> None:
    assert moment(text, "--until").isoformat() == expected


def test_a_local_moment_is_of_this_machine() -> None:
    local = datetime(2026, 11, 20, 22, 0).astimezone()
    assert moment("2026-11-20 22:00 local", "--until") == local


@pytest.mark.parametrize(
    "text", ["2026-11-20T22:00:00", "2026-11-20 22:00", "22:00", "soon", "2026-11-20 22:00 Mars/X"]
)
def test_a_moment_without_a_zone_is_refused(text: str) -> None:
    with pytest.raises(InputInvalid, match="--from"):
        moment(text, "--from")


def test_an_end_is_a_length_or_a_moment_to_come() -> None:
    assert ending("2h", None, starts_at=NOW, now=NOW) == NOW + timedelta(hours=2)
    assert ending(None, "2026-11-21T13:00:00Z", starts_at=NOW, now=NOW) == NOW + timedelta(hours=1)
    assert ending(None, None, starts_at=NOW, now=NOW) is None
    with pytest.raises(InputInvalid, match="over already"):
        ending(None, "2026-11-21T11:00:00Z", starts_at=NOW, now=NOW)
    with pytest.raises(InputInvalid, match="twice"):
        ending("2h", "2026-11-21T13:00:00Z", starts_at=NOW, now=NOW)
    with pytest.raises(InputInvalid, match="--for"):
        ending("two hours", None, starts_at=NOW, now=NOW)
    with pytest.raises(InputInvalid, match="no time at all"):
        ending("0s", None, starts_at=NOW, now=NOW)


def test_matchers_are_names_and_patterns() -> None:
    found = read_matchers(["severity=warning|info", "path=/a=b"], rule="disk.full")
    assert found == {"severity": "warning|info", "path": "/a=b", "rule": "disk\\.full"}
    assert exactly("a-b_c") == "a-b_c"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (["severity"], "no matcher"),
        (["=x"], "no matcher"),
        (["a b=x"], "no matcher"),
        (["a=("], "no regular expression"),
        (["a=x", "a=y"], "matched twice"),
        (["a=" + "x" * 2000], "more than 1024"),
    ],
)
def test_what_is_no_matcher_is_named(written: list[str], why: str) -> None:
    with pytest.raises(InputInvalid, match=why):
        read_matchers(written)


def test_an_id_is_chosen_by_a_beginning_that_only_one_has() -> None:
    one, other = UUID("0192f417-7a17-5117-8017-a1b2c3d4e517"), UUID("0192f417-7a18-5117-8017-a1b2c3d4e517")
    known = {one: "disk_full on nas", other: "load on web"}
    assert chosen("0192F417-7A17", known, what="alert") == one
    assert chosen(str(other), known, what="alert") == other
    with pytest.raises(InputInvalid, match=r"several ids: 0192f417-7a17.*disk_full on nas.*load on web"):
        chosen("0192f417", known, what="alert")
    with pytest.raises(InputInvalid, match="at least 8"):
        chosen("0192f4", known, what="alert")
    with pytest.raises(InputInvalid, match="no alert has an id"):
        chosen("aaaaaaaa", known, what="alert")
    with pytest.raises(InputInvalid, match="is no id of an alert"):
        chosen("disk_full", known, what="alert")
    assert short_ids(known) == {one: "0192f417-7a17", other: "0192f417-7a18"}
    assert short_ids([one]) == {one: "0192f417"}


def test_what_an_operator_says_is_an_event() -> None:
    alert = derived_id(EPOCH, "alert")
    event = said.acknowledged(ADA, alert, "nas", comment="mine")
    assert (event.source, event.subject, event.time, event.sequence) == ("/operators/ada", "nas", NOW, None)
    assert (event.data.alert_id, event.data.operator, event.data.comment) == (alert, "ada", "mine")
    silence = said.silenced(ADA, None, {"rule": "x"}, ends_at=NOW + timedelta(hours=1), comment=None)
    assert (silence.subject, silence.data.silence_id) == ("_fleet", silence.id)
    started = said.maintenance_started(ADA, "nas", starts_at=NOW, ends_at=None)
    assert (started.subject, started.data.maintenance_id) == ("nas", started.id)
    ended = said.maintenance_ended(ADA, started.id, "nas", comment=None)
    assert ended.data.maintenance_id == started.id
    with pytest.raises(InputInvalid, match="no device id"):
        said.silenced(ADA, "NAS!", {}, ends_at=NOW + timedelta(hours=1), comment=None)
    with pytest.raises(InputInvalid, match="ends before it starts"):
        said.maintenance_started(ADA, "nas", starts_at=NOW, ends_at=NOW)
    with pytest.raises(InputInvalid, match="comment"):
        said.acknowledged(ADA, alert, "nas", comment="\x00")


def observed(*drives: Drive) -> DriveObserved:
    source = f"/agents/nas/{EPOCH}/drives"
    return DriveObserved(
        id=uuid4(), source=source, subject="nas", time=NOW, sequence=1, data=DriveObservedData(drives=drives)
    )


def look(**series: float) -> MetricLook:
    known = []
    for device in series:
        labels = (("device", device), ("type", "x"))
        known.append(Series("disk.io", "By", labels, series_key("disk.io", labels)))
    return MetricLook(
        uuid4(), "s", "nas", NOW, 1, None, None, "system", 10.0, series=tuple(known), values=list(series.values())
    )


def test_a_drive_is_found_by_serial_or_path_unless_it_slept() -> None:
    event = observed(
        Drive(id="S1", path="/dev/sda", reallocated_sectors=8, percentage_used=3), Drive(id="S2", path="/b")
    )
    assert found_in(event, "/dev/sda", None) == Thing(
        "drive", "S1", {"reallocated_sectors": 8, "percentage_used": 3}, event.id
    )
    assert found_in(event, "S2", "drive") is None
    assert found_in(event, "S3", None) == Others(("S1", "S2"))
    assert found_in(event, "S1", "network") is None


def test_a_link_is_accepted_with_its_speed() -> None:
    link = Interface(name="eth0", state="up", speed_bits_per_second=10**9)
    event = NetworkObserved(
        id=uuid4(),
        source=f"/agents/nas/{EPOCH}/network",
        subject="nas",
        time=NOW,
        sequence=1,
        data=NetworkObservedData(interfaces=(link,)),
    )
    assert found_in(event, "eth0", None) == Thing("network", "eth0", {"speed_bits_per_second": 10**9}, event.id)
    assert found_in(event, "eth1", None) == Others(("eth0",))


def test_a_series_is_found_by_as_many_labels_as_tell_it_apart() -> None:
    event = look(sda=1.0, sdb=2.0)
    key = 'disk.io{device="sdb",type="x"}'
    for written in ("disk.io{device=sdb}", 'disk.io{device="sdb"}', key):
        assert found_in(event, written, "metric") == Thing("metric", key, {"value": 2.0}, event.id)
    several = found_in(event, "disk.io{type=x}", "metric")
    assert several == Others(('disk.io{device="sda",type="x"}', key))
    assert found_in(event, "disk.io{device=sdc}", "metric") == several
    assert found_in(event, "memory.usage", "metric") is None
    labels = (("system.filesystem.mountpoint", "/"), ("type", "x"))
    series = Series("disk.io", "By", labels, series_key("disk.io", labels))
    event = event._replace(series=(series,), values=[3.0])
    for written in ("disk.io{mountpoint=/}", 'disk.io{filesystem.mountpoint="/"}'):
        assert found_in(event, written, "metric") == Thing("metric", series.key, {"value": 3.0}, event.id)
    assert found_in(event, "disk.io{point=/}", "metric") == Others((series.key,))


@pytest.mark.parametrize("written", ["a.b{x=1", "a.b{x}", "a.b{=1}", 'a.b{x="1}'])
def test_what_is_no_series_is_refused(written: str) -> None:
    with pytest.raises(InputInvalid, match="no series"):
        wanted_series(written)


def test_labels_may_hold_anything_when_they_are_quoted() -> None:
    assert wanted_series('a.b{x="1,2}",y="\\"q\\""}') == ("a.b", {("x", "1,2}"), ("y", '"q"')})


@pytest.mark.parametrize(
    ("entity", "kind"),
    [
        ("system.cpu.utilization", "metric"),
        ("load{x=1}", "metric"),
        ("WD-WX12D3456789", None),
        ("/dev/sda", None),
        ("eth0", None),
        ("eth0.100", None),
    ],
)
def test_a_name_tells_what_it_is_of(entity: str, kind: str | None) -> None:
    assert kind_of(entity, None) == kind
    assert kind_of(entity, "network") == "network"


def test_values_are_given_by_name() -> None:
    assert overridden({"a": 1, "b": 2}, ("b=3", "c=0.5")) == {"a": 1, "b": 3, "c": 0.5}
    for wrong in ("b", "=1", "b=x", "b=nan", "b=inf"):
        with pytest.raises(InputInvalid, match="--value"):
            overridden({}, (wrong,))


def test_times_and_rows_are_short() -> None:
    assert ago(NOW - timedelta(seconds=5), NOW) == "5s ago"
    assert ago(NOW - timedelta(hours=2, minutes=5), NOW) == "2h 5m ago"
    assert ago(NOW + timedelta(days=4, hours=1), NOW) == "in 4d 1h"
    assert plain(("A", "B"), [("long", "x")]) == ["A     B", "long  x"]
    assert harmless("a\x1b[2Jb\n") == "a·[2Jb·"
