"""Figures of services, network and packages checked by hand."""

from datetime import UTC, datetime

import pytest

from collectors.errors import ParseError
from collectors.network.interfaces import read_links
from collectors.network.sockets import read_sockets
from collectors.packages.apt import read_simulation
from collectors.packages.dnf import read_advisories
from collectors.packages.kernel import flavour, is_newer, newest
from collectors.services.commands import MANAGER, MOST_NAMES_BYTES, SHOW, then
from collectors.services.reading import parse
from collectors.services.values import count, moment, span


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1h 9min 18.881587s", 4_158_881_587),
        ("20min", 1_200_000_000),
        ("1month 1w 2d 4h 27min 1.122907s", 3_423_421_122_907),
        ("15ms", 15_000),
        ("3us", 3),
        ("998.368ms", 998_368),
        ("0", None),
        ("infinity", None),
        ("", None),
    ],
)
def test_spans_are_as_systemd_prints_them(text: str, microseconds: int | None) -> None:
    assert span(text, section="x") == microseconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sat 2026-11-21 02:59:13 UTC", datetime(2026, 11, 21, 2, 59, 13, tzinfo=UTC)),
        ("Sat 2026-11-21 02:59:13.123456 UTC", datetime(2026, 11, 21, 2, 59, 13, 123456, tzinfo=UTC)),
        ("@1795229953", datetime(2026, 11, 21, 2, 59, 13, tzinfo=UTC)),
        # systemd issue 5923: the timer ran at 11:00:33 EDT.
        ("47y 3month 1w 13h 30min 33.467990s", datetime(2017, 4, 9, 15, 0, 33, 467990, tzinfo=UTC)),
        ("Fri 2023-05-19 00:18:06 EEST", None),
        ("n/a", None),
    ],
)
def test_instants_of_all_versions(text: str, expected: datetime | None) -> None:
    assert moment(text, section="x") == expected


@pytest.mark.parametrize("text", ["yesterday", "Sat 2026-02-30 00:00:00 UTC", "9999999y", "@", "1h 2", "-5s"])
def test_no_times_are_errors(text: str) -> None:
    with pytest.raises(ParseError, match=r"^here"):
        moment(text, section="here")


def test_what_is_not_set_is_no_count() -> None:
    assert count("[not set]", section="x") is None
    assert count("18446744073709551615", section="x") is None
    assert count("0", section="x") == 0


def test_many_units_are_asked_for_in_portions_that_a_shell_takes() -> None:
    names = [f"a-rather-long-name-of-a-unit-{number}.service" for number in range(5_000)]
    commands = then("".join(f"{name} loaded active running\n" for name in names))
    shown = [command.argv[len(SHOW) :] for command in commands if command.argv[: len(SHOW)] == SHOW]
    assert [name for some in shown for name in some] == names
    assert len(shown) > 1
    assert all(len(" ".join(some)) < MOST_NAMES_BYTES for some in shown)
    assert commands[-1].argv == MANAGER


@pytest.mark.parametrize(("code", "status", "told"), [(0, 0, None), (1, 0, 0), (1, 3, 3), (2, 9, 137), (3, 11, 139)])
def test_exit_codes_are_as_a_shell_tells_them(code: int, status: int, told: int | None) -> None:
    text = f"Id=a.service\nActiveState=failed\nExecMainCode={code}\nExecMainStatus={status}\n"
    assert parse(text).units[0].service.exit_code == told


def test_a_unit_that_was_never_started_concerns_nobody_unless_it_is_enabled() -> None:
    block = "Id=a.service\nActiveState=inactive\nUnitFileState={}\nInactiveExitTimestamp={}\n"
    once = "Sat 2026-11-21 02:59:13 UTC"
    told = [parse(block.format(*values)).units[0].told for values in (("static", ""), ("enabled", ""), ("", once))]
    assert told == [False, True, True]


@pytest.mark.parametrize(
    ("speed", "bits"),
    [("1000", 10**9), ("-1", None), ("4294967295", None), ("", None), ("0", None), ("2500", 25 * 10**8)],
)
def test_speed_is_told_where_the_driver_knows_it(speed: str, bits: int | None) -> None:
    assert read_links({"/sys/class/net/eth0/speed": speed})["eth0"].speed == bits


@pytest.mark.parametrize(
    ("local", "address", "port"),
    [
        ("0.0.0.0:22", "0.0.0.0", 22),
        ("*:22", "*", 22),
        ("[::]:22", "::", 22),
        (":::22", "::", 22),
        ("[::ffff:127.0.0.1]:631", "::ffff:127.0.0.1", 631),
        ("127.0.0.53%lo:53", "127.0.0.53%lo", 53),
        ("[fe80::1%eth0]:546", "fe80::1%eth0", 546),
        ("[fe80::1]%eth0:546", "fe80::1%eth0", 546),
    ],
)
def test_addresses_as_versions_of_ss_print_them(local: str, address: str, port: int) -> None:
    (found,) = read_sockets(f"tcp LISTEN 0 128 {local} *:*\n", section="ss")
    assert (found.address, found.port) == (address, port)


@pytest.mark.parametrize(
    ("users", "program"),
    [
        ('users:(("sshd",pid=733,fd=3))', "sshd"),
        ('users:(("sshd",733,3))', "sshd"),
        ('users:(("a b",pid=1,fd=3),("c",pid=2,fd=3))', "a b"),
        ("", None),
        ("uid:1000 ino:5 sk:1", None),
    ],
)
def test_programs_of_sockets(users: str, program: str | None) -> None:
    assert read_sockets(f"udp UNCONN 0 0 *:53 *:* {users}\n", section="ss")[0].program == program


@pytest.mark.parametrize(
    ("release", "words"),
    [
        ("6.1.0-28-amd64", ("amd64",)),
        ("6.1.0-28-cloud-amd64", ("cloud", "amd64")),
        ("6.1.0-28-rt-amd64", ("rt", "amd64")),
        ("6.12.48+deb13-amd64", ("amd64",)),
        ("6.1.0-0.deb11.13-amd64", ("amd64",)),
        ("5.15.0-91-generic", ("generic",)),
        ("5.15.0-1043-raspi", ("raspi",)),
        ("5.14.0-362.8.1.el9_3.x86_64", ("x86_64",)),
        ("6.6.8-200.fc39.x86_64", ("x86_64",)),
        ("6.6.1-arch1-1", ()),
        ("6.6.1-zen1-1-zen", ("zen",)),
        ("6.6.62-1-lts", ("lts",)),
        ("6.1.21-v8+", ("v8+",)),
        ("6.1.21-v7l+", ("v7l+",)),
        ("6.8.12-1-pve", ("pve",)),
    ],
)
def test_flavours_of_kernels(release: str, words: tuple[str, ...]) -> None:
    assert flavour(release) == words


def test_the_newest_kernel_is_by_number_and_of_the_same_flavour() -> None:
    installed = ["6.1.0-9-amd64", "6.1.0-28-amd64", "6.12.0-1-cloud-amd64", "lost+found", ""]
    assert newest("6.1.0-9-amd64", installed) == "6.1.0-28-amd64"
    assert newest("6.8.12-1-pve", installed) is None
    assert is_newer("5.14.0-362.8.1.el9_3.x86_64", "5.14.0-362.el9.x86_64")
    assert not is_newer("6.1.0-9-amd64", "6.1.0-28-amd64")


def test_a_package_that_an_update_brings_along_is_no_update() -> None:
    text = "Inst new (1 Debian:12/stable [amd64])\nInst old:i386 [1] (2 Debian-Security:12/stable-security [i386]) []\n"
    (found,) = read_simulation(text, section="apt")
    assert (found.name, found.installed, found.available, found.security) == ("old:i386", "1", "2", True)


def test_a_package_with_one_advisory_for_security_is_for_security() -> None:
    text = "A-1 bugfix curl-1-1.x86_64\nA-2 Low/Sec. curl-1-2.x86_64\nA-3 enhancement curl-1-3.x86_64\n"
    assert read_advisories(text, section="dnf") == {"curl.x86_64": True}
