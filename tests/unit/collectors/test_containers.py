"""Containers of Docker and Podman: the cases, what must hold of any input, and the small formats one by one."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.containers import engines
from collectors.containers.amounts import count, duration, percent, size_pair
from collectors.containers.look import containers_look
from collectors.containers.reading import Engined, Readings, Seen, parse
from collectors.containers.secrecy import masked_error
from collectors.containers.telling import ROOM, fitted, tell
from collectors.document import Document
from collectors.errors import ParseError
from collectors.request import Chain
from schemas.container import Container, ContainerObservedData, PublishedPort
from tests.unit.collectors.collector_cases import CONTAINERS

PLANTED = "planted-secret"
INPUTS = [CONTAINERS.text(case) for case in CONTAINERS.cases()]
NUL_AND_MORE = st.text(st.characters(codec="utf-8", exclude_categories=()), max_size=400)


def test_no_secret_of_a_container_gets_out() -> None:
    planted = [case for case in CONTAINERS.cases() if PLANTED in CONTAINERS.text(case)]
    assert len(planted) >= 5
    for case in planted:
        assert PLANTED not in CONTAINERS.outcome(case), case


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_broken_answer_is_a_parse_error_without_a_secret(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(INPUTS))
    start = data.draw(st.integers(0, len(text)))
    added = data.draw(NUL_AND_MORE)
    broken = text[:start] + added + text[start:]
    for variant in (broken, broken[: data.draw(st.integers(0, len(broken)))]):
        told = _parses_or_says_where(variant)
        # In the middle of a word it may have made another name of one that says that a secret follows.
        assert PLANTED not in told or text[start - 1 : start + 1].isalnum()
    # What is taken out here may put a secret in the place of a name: only that it is no other error counts.
    _parses_or_says_where(text[:start] + added + text[start + data.draw(st.integers(0, 200)) :])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(JSON | st.lists(JSON, max_size=3))
def test_any_json_is_a_parse_error_or_parsed(document: Any) -> None:
    _parses_or_says_where(json.dumps(document))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_an_answer_with_values_of_other_kinds(data: st.DataObject) -> None:
    rows = json.loads(CONTAINERS.text("bare-docker-inspect"))
    place: Any = rows
    for _ in range(data.draw(st.integers(1, 5))):
        keys = list(range(len(place))) if isinstance(place, list) else sorted(place)
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and data.draw(st.booleans()):
            place = place[key]
        else:
            place[key] = data.draw(JSON)
            break
    _parses_or_says_where(json.dumps(rows))


def _parses_or_says_where(text: str) -> str:
    """Return all that is told of it."""
    try:
        readings = parse(text)
    except ParseError as error:
        return json.dumps(error.to_dict())
    return "".join(one.data.model_dump_json() for one in tell(readings, readings).observations)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5_000_000,
        '[{"Name":"' + "a" * 10_000_000,
        "==> docker inspect --type container a <==\n" + "[" + "{}," * 3_000_000 + "{}]",
        '[{"State":{"Error":"' + '\\"a b' * 2_000_000 + '"}}]',
        "==> sh -c '' <==\nclock 1795230768.5\ndocker {}\n" + ("ab" * 32 + "\n") * 150_000,
        "==> docker stats --no-stream <==\n" + '{"PIDs":"1","MemUsage":"1B / 1B"}\n' * 250_000,
        "==> docker image ls <==\n" + "sha256:" * 1_400_000,
        "==> a <==\n" * 1_000_000,
    ],
    ids=["depth", "name", "rows", "error", "ids", "stats", "digests", "sections"],
)
def test_ten_megabytes_take_bounded_time(text: str) -> None:
    began = time.monotonic()
    _parses_or_says_where(text)
    assert time.monotonic() - began < 20


def test_what_is_asked_depends_on_what_is_there() -> None:
    first = CONTAINERS.text("docker-and-podman").split("==> docker inspect")[0].partition("\n")[2]
    commands = engines.then(first)
    assert [command.argv[:2] for command in commands] == [
        ("docker", "inspect"),
        ("docker", "stats"),
        ("docker", "image"),
        ("podman", "inspect"),
        ("podman", "stats"),
    ]
    ids = [line for line in first.split("\n") if len(line) == 64]
    inspect = [command.argv[4:] for command in commands if command.argv[1] == "inspect"]
    assert [one for argv in inspect for one in argv] == ids


def test_many_containers_are_asked_for_in_pieces_and_at_last_cut() -> None:
    ids = [f"{number:064x}" for number in range(1, 1202)]
    listed = 'docker {"Server":{"Version":"29.1.2"}}'
    commands = engines.then("\n".join(["clock 1795230768.5", listed, *ids]))
    asked = [one for command in commands if command.argv[1] == "inspect" for one in command.argv[4:]]
    assert asked == ids[: engines.MOST_CONTAINERS]
    assert all(sum(len(word) + 3 for word in command.argv) < 100_000 for command in commands)


@pytest.mark.parametrize("line", ["rm -rf /", "--help", "ab12; reboot", "AB" * 32])
def test_what_is_no_id_is_never_asked_for(line: str) -> None:
    with pytest.raises(ParseError, match=r"list.*, line 3"):
        engines.then(f'clock 1795230768.5\ndocker {{"Server":{{"Version":"29"}}}}\n{line}\n')


def test_the_registry_entry() -> None:
    look = containers_look(interval_s=30)
    assert isinstance(look.request, Chain)
    assert look.name == "containers"
    assert look.cache_ttl_s == 30.0
    assert look.argv[:2] == ("sh", "-c")
    assert "\n" not in look.argv[2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12.3MiB / 1.9GiB", (12_897_485, 2_040_109_466)),
        ("0B / 0B", (0, 0)),
        ("1.2kB / 3.45GB", (1200, 3_450_000_000)),
        ("479.2kB / 67.11MB", (479_200, 67_110_000)),
        ("1.024e+03kB / 2TB", (1_024_000, 2_000_000_000_000)),
        ("-- / --", (None, None)),
        ("--", (None, None)),
        ("", (None, None)),
        ("9999YB / 1B", (None, 1)),
    ],
)
def test_sizes(text: str, expected: tuple[int | None, int | None]) -> None:
    assert size_pair(Document(text, "stats")) == expected


@pytest.mark.parametrize("text", ["12", "a / b", "1XB / 2B", "-1B / 2B", "1 B / ٣B", 5, ["1B"]])
def test_what_is_no_pair_of_sizes(text: object) -> None:
    with pytest.raises(ParseError):
        size_pair(Document(text, "stats"))


def test_other_amounts() -> None:
    assert percent(Document("212.05%", "stats")) == 2.1205
    assert percent(Document("--", "stats")) is None
    assert count(Document("23", "stats")) == 23
    assert count(Document(23, "stats")) == 23
    assert count(Document("--", "stats")) is None
    seconds = [duration(Document(text, "stats")) for text in ("44.29508ms", "1h2m3.5s", "5m0s", "0s", "12µs", "--")]
    assert seconds == [pytest.approx(0.04429508), 3723.5, 300.0, 0.0, pytest.approx(12e-6), None]
    for text in ("s", "5", "1m2", "x"):
        with pytest.raises(ParseError):
            duration(Document(text, "stats"))


def test_errors_keep_the_program_and_lose_its_arguments() -> None:
    assert masked_error("crun: executable file `run --token=abc` not found in $PATH") == (
        "crun: executable file `run ...` not found in $PATH"
    )
    assert "hunter2" not in masked_error("pull https://me:hunter2@registry.example.org/v2/: unauthorized")


def test_a_share_is_counted_only_within_one_life_of_a_container() -> None:
    now = parse(CONTAINERS.text("podman-4.3-second-look"))
    before = parse(CONTAINERS.text("podman-4.3-second-look", "before.txt"))
    assert _shares(now, before)["busy"] == pytest.approx(0.846286)
    assert _shares(now, None) == {}
    restarted = _restarted(before)
    assert "busy" not in _shares(now, restarted)
    assert _shares(before, now) == {}


def _shares(now: Readings, before: Readings | None) -> dict[str, float]:
    data = tell(now, before).observations[0].data
    assert isinstance(data, ContainerObservedData)
    usages = {one.name: one.usage.cpu_utilization for one in data.containers if one.usage is not None}
    return {name: share for name, share in usages.items() if share is not None}


def _restarted(readings: Readings) -> Readings:
    (engine,) = readings.engines
    containers = tuple(
        Seen(seen.container.model_copy(update={"started_at": None}), seen.cpu_seconds) for seen in engine.containers
    )
    return Readings((Engined(engine.engine, engine.version, containers),), readings.seconds)


def test_an_event_is_never_too_large() -> None:
    ports = tuple(PublishedPort(container_port=port, host_address="0" * 200) for port in range(1, 200))
    many = tuple(Container(name=f"c{number}", state="running", image="i" * 900, ports=ports) for number in range(1000))
    kept, complete = fitted(many)
    assert not complete
    assert 0 < sum(len(one.model_dump_json(exclude_none=True)) for one in kept) <= ROOM
    assert fitted(many[:3]) == (many[:3], True)


def test_samples_of_many_containers_are_told_in_several_events() -> None:
    seen = tuple(Seen(Container(name=f"c{number}", state="exited", restart_count=0)) for number in range(3000))
    told = tell(Readings((Engined("docker", containers=seen),)), None)
    assert len(told.observations) == 3
