"""What breaks the raw output of systemctl, ip, ss and package managers, and which commands it decides."""

import contextlib
import json
import shlex
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import sections
from collectors.errors import ParseError
from collectors.look import Look
from collectors.network.commands import ADDRESSES, NEIGHBOURS, ROUTES, SOCKETS
from collectors.network.look import network_look
from collectors.packages.look import packages_look
from collectors.packages.programs import ASKING, KERNEL, KERNELS, MANAGERS, MODULES, REBOOT_PACKAGES, STAT
from collectors.request import Chain, argv_of
from collectors.services.commands import LIST, SHOW
from collectors.services.look import services_look
from tests.unit.collectors.collector_cases import CASES, NETWORK, PACKAGES, SERVICES, Subject

SUBJECTS = (SERVICES, NETWORK, PACKAGES)
ALL = [(subject, case) for subject in SUBJECTS for case in subject.cases()]
LOOKS: tuple[Look[Any], ...] = (services_look(), network_look(), packages_look())
LARGE = 10_000_000
LONGEST_S = 10.0


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: str(look.name))
def test_the_first_answer_of_each_case_decides_the_commands_that_it_has(look: Look[Any]) -> None:
    """The commands that a look would run are those whose answers the cases hold."""
    assert isinstance(look.request, Chain)
    checked = 0
    for case in sorted((CASES / look.name).iterdir()):
        parts = sections.split((case / "input.txt").read_text(encoding="utf-8"))
        names = [name.partition(" [exit ")[0] for name in parts if not name.startswith("/")]
        first = shlex.join(argv_of(look.request.first))
        if len(names) < 2 or names[0] != first:
            continue
        then = look.request.then(next(iter(parts.values())))
        assert {shlex.join(argv_of(command)) for command in then} >= {
            name for name in names[1:] if not name.startswith(("head ", "ls "))
        }, case.name
        checked += 1
    assert checked


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Subject, str]:
    """Return a case's text with pieces cut out, repeated, or replaced by anything."""
    subject, case = draw(st.sampled_from(ALL))
    text = subject.text(case)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 200)))
        middle = draw(
            st.one_of(
                st.just(""),
                st.text(max_size=40),
                st.just(text[start:end] * 2),
                st.sampled_from(["null", "-1", "1e999", "{}", "[]", '"', "\x00", "9" * 25, "\n\n", "==> x <=="]),
            )
        )
        text = text[:start] + middle + text[end:]
    return subject, text


@settings(max_examples=400, deadline=None)
@given(damaged())
def test_damaged_text_is_an_error_of_ours_or_a_valid_event(given_text: tuple[Subject, str]) -> None:
    given_text[0].encoded(given_text[1])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["ifname", "flags", "mtu", "stats64", "rx", "addr_info", "dst", "dev", "state", "nexthops"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(JSON, JSON)
def test_any_json_is_an_error_of_ours_or_a_valid_event(links: object, routes: object) -> None:
    network = SUBJECTS[1]
    parts = [(ADDRESSES, links), (ROUTES, routes), (NEIGHBOURS, routes)]
    network.encoded(json.dumps(links))
    network.encoded(sections.join((shlex.join(argv), json.dumps(value)) for argv, value in parts))


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text_in_any_section_is_an_error_of_ours_or_a_valid_event(text: str) -> None:
    for subject, look in zip(SUBJECTS, LOOKS, strict=True):
        subject.encoded(text)
        assert isinstance(look.request, Chain)
        with contextlib.suppress(ParseError):
            look.request.then(text)
    web = "web.service loaded active running\n"
    SUBJECTS[0].encoded(sections.join([(shlex.join(LIST), web), (shlex.join((*SHOW, "web.service")), text)]))
    for name in ("Id", "ActiveState", "MemoryCurrent", "ActiveEnterTimestamp", "NextElapseUSecMonotonic", "Triggers"):
        SUBJECTS[0].encoded(f"Id=a.timer\nActiveState=active\n{name}={text}\n")
    SUBJECTS[1].encoded(sections.join([(shlex.join(ADDRESSES), '[{"ifname":"a"}]'), (shlex.join(SOCKETS), text)]))
    for manager in MANAGERS:
        paths = (manager.programs[0], manager.databases[0], manager.index[0], MODULES, REBOOT_PACKAGES)
        answers = [(STAT, "".join(f"1795229000 {path}\n" for path in paths))]
        answers += [(command.argv, text) for command in manager.commands]
        answers += [(KERNEL, text), (KERNELS, text), (ASKING, text)]
        SUBJECTS[2].encoded(sections.join((shlex.join(argv), answer) for argv, answer in answers))


def _apt(text: str) -> str:
    paths = "1795229000 /usr/bin/apt-get\n1795229000 /var/lib/dpkg/status\n"
    return sections.join([(shlex.join(STAT), paths), (shlex.join(MANAGERS[0].commands[0].argv), text)])


def _network(argv: tuple[str, ...], text: str) -> str:
    return sections.join([(shlex.join(ADDRESSES), '[{"ifname":"a"}]'), (shlex.join(argv), text)])


def _repeated(line: str, size: int = LARGE) -> str:
    return line * (size // len(line))


HUGE = {
    "one block of many": (SUBJECTS[0], _repeated("Id=a.service\nActiveState=active\n\n")),
    "one block that never ends": (SUBJECTS[0], "Id=a.service\nActiveState=active\n" + _repeated("A=b\n")),
    "one line": (SUBJECTS[0], "Id=" + "a" * LARGE),
    "a list of units": (SUBJECTS[0], _repeated("web.service loaded active running A web server\n")),
    "a span of time": (SUBJECTS[0], "Id=a.timer\nActiveState=active\nLastTriggerUSec=" + _repeated("1h ")),
    "links": (SUBJECTS[1], "[" + _repeated('{"ifname":"a"},') + "{}]"),
    "brackets": (SUBJECTS[1], "[" * LARGE),
    "routes": (SUBJECTS[1], _network(ROUTES, "[" + _repeated('{"dst":"default","dev":"a"},') + "{}]")),
    "sockets": (SUBJECTS[1], _network(SOCKETS, _repeated("tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n"))),
    "users": (SUBJECTS[1], _network(SOCKETS, "tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* " + _repeated('users:(("'))),
    "updates": (SUBJECTS[2], _apt(_repeated("Inst bash [1] (2 Debian:12/stable [amd64])\n"))),
    "one update": (SUBJECTS[2], _apt("Inst bash [1] (2 " + "[" * LARGE)),
    "one update with all brackets": (SUBJECTS[2], _apt("Inst bash [1] (2 " + "[" * LARGE + ")")),
    "blanks": (SUBJECTS[2], " " * LARGE),
    "a package of apk": (SUBJECTS[2], "a-1-r1 < " + _repeated("[upgradable from: a ")),
    "a package of dnf": (SUBJECTS[2], "Upgrades\n" + _repeated("a-b-c.noarch ")),
    "headers": (SUBJECTS[2], _repeated("==> a <==\n")),
}


@pytest.mark.parametrize(("subject", "text"), HUGE.values(), ids=HUGE.keys())
def test_ten_megabytes_are_read_in_bounded_time(subject: Subject, text: str) -> None:
    began = time.perf_counter()
    subject.encoded(text)
    assert time.perf_counter() - began < LONGEST_S
