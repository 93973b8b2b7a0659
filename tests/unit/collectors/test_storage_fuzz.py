"""Hostile and broken output of smartctl, zpool and zfs: a ParseError or readings, in bounded time, and nothing else."""

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.document import read_document
from collectors.drives.scan import read_scan
from collectors.errors import ParseError
from tests.unit.collectors.collector_cases import DRIVES, ZFS, Subject

TEN_MB = 10_000_000
CASES = {subject.name: [subject.text(case) for case in subject.cases()] for subject in (DRIVES, ZFS)}
RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SUBJECTS = pytest.mark.parametrize("subject", [DRIVES, ZFS], ids=["drives", "zfs"])


def survives(subject: Subject, text: str) -> None:
    try:
        readings = subject.parse(text)
    except ParseError:
        return
    for observation in subject.tell(readings, readings).observations:
        assert observation.data


@SUBJECTS
@RELAXED
@given(data=st.data())
def test_cut_and_mutated_cases(subject: Subject, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(CASES[subject.name]))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    new = data.draw(
        st.one_of(st.text(max_size=12), st.sampled_from(['"', "{", "}", "[]", "null", "-1", "1e300", "\t"]))
    )
    survives(subject, text[:start] + new + text[min(end, start + data.draw(st.integers(0, 40))) :])
    survives(subject, text[:start])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            found += _places(inner, (*path, key))
    return found


def _documents(text: str) -> list[str]:
    return [line for line in text.replace("\n==>", "\x00==>").split("\x00") if "{" in line]


@SUBJECTS
@RELAXED
@given(data=st.data())
def test_json_with_another_value_somewhere(subject: Subject, data: st.DataObject) -> None:
    texts = [part for text in CASES[subject.name] for part in _documents(text)]
    part = data.draw(st.sampled_from(texts))
    header, brace, rest = part.partition("{")
    try:
        document = json.loads(brace + rest)
    except ValueError:
        return
    path = data.draw(st.sampled_from([place for place in _places(document) if place]))
    target = document
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = data.draw(JSON)
    survives(subject, header + json.dumps(document))


@SUBJECTS
@RELAXED
@given(text=st.text(max_size=200), raw=st.binary(max_size=200))
def test_any_text(subject: Subject, text: str, raw: bytes) -> None:
    survives(subject, text)
    survives(subject, raw.decode(errors="replace"))
    survives(subject, f"==> zpool status -p <==\n{text}")
    survives(subject, f"==> smartctl --scan-open -j <==\n{text}")


HUGE = {
    "digits": "1" * TEN_MB,
    "braces": "{" * TEN_MB,
    "brackets in JSON": '{"smartctl":' + "[" * TEN_MB,
    "headers": "==> zpool list -p <==\n" * (TEN_MB // 22),
    "headers of their own": "".join(f"==> smartctl {number} <==\n" for number in range(TEN_MB // 24)),
    "attributes": json.dumps(
        {
            "smartctl": {"version": [7, 4], "argv": ["smartctl", "/dev/sda"]},
            "device": {"name": "/dev/sda", "protocol": "ATA"},
            "ata_smart_attributes": {"table": [{"id": 5, "name": "x", "raw": {"value": 1}}] * (TEN_MB // 50)},
        }
    ),
    "devices": json.dumps({"smartctl": {"argv": []}, "devices": [{"name": "/dev/sda"}] * (TEN_MB // 22)}),
    "pools": "NAME SIZE HEALTH\n" + "".join(f"p{number} 1 ONLINE\n" for number in range(TEN_MB // 17)),
    "vdevs": " pool: a\n state: ONLINE\nconfig:\n\n\tNAME  STATE  READ WRITE CKSUM\n"
    + "".join(f"\t  d{number}  ONLINE 0 0 0\n" for number in range(TEN_MB // 24)),
    "nested vdevs": " pool: a\n state: ONLINE\nconfig:\n\n\tNAME  STATE  READ WRITE CKSUM\n"
    + "".join(f"\t{' ' * depth}d ONLINE 0 0 0\n" for depth in range(2, 4400)),
    "a scan in one line": " pool: a\n state: ONLINE\n  scan: scrub in progress since " + "1.2T / " * (TEN_MB // 7),
    "a scan in many lines": " pool: a\n state: ONLINE\n  scan: x\n" + "\t1 scanned at 1, 1 total\n" * (TEN_MB // 26),
    "links": "==> ls -l /dev/disk/by-id <==\n" + " ata-a_b" * (TEN_MB // 8),
    "datasets": "==> zpool list -p <==\nno pools available\n==> zfs list -H <==\n"
    + "".join(f"a/{number}\tfilesystem\t1\t1\t1\t0\t1.00\t/\n" for number in range(TEN_MB // 36)),
    "counters": "==> cat /proc/spl/kstat/zfs/arcstats <==\n" + "hits 4 12\n" * (TEN_MB // 10),
}


@SUBJECTS
@pytest.mark.parametrize("what", HUGE)
def test_ten_megabytes_take_a_bounded_time(subject: Subject, what: str) -> None:
    began = time.process_time()
    survives(subject, HUGE[what])
    assert time.process_time() - began < 20


def test_numbers_beyond_what_an_event_holds_are_absent() -> None:
    document = read_document('{"a": 9223372036854775808, "b": 1e30, "c": 9223372036854775807}', section="x")
    assert [document.at(key).whole() for key in "abc"] == [None, None, 2**63 - 1]


@pytest.mark.parametrize("path", ["", "sda", "-j", "/dev/a b", "/dev/\x00", "/" + "a" * 2000, 7, None])
def test_a_scan_hands_on_no_path_that_is_none(path: object) -> None:
    text = json.dumps({"devices": [{"name": path, "type": "sat"}]})
    with pytest.raises(ParseError, match=r"devices\[0\]\.name"):
        read_scan(read_document(text, section="smartctl"))


@pytest.mark.parametrize("kind", ["", "-j", "sat -t long", 7])
def test_a_scan_hands_on_no_type_that_is_none(kind: object) -> None:
    text = json.dumps({"devices": [{"name": "/dev/sda", "type": kind}]})
    with pytest.raises(ParseError, match=r"devices\[0\]\.type"):
        read_scan(read_document(text, section="smartctl"))
