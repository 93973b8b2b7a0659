"""Device ids, registration, skew, command hashes, settings."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.device import device_id
from collectors.registration import registration
from collectors.request import FileSet, argv_of, command_hash
from collectors.settings import AgentSettings
from collectors.skew import SkewMeter
from runtime.errors import SettingsInvalid
from runtime.settings import World, load
from schemas.device import DeviceAttributes, DeviceRegistered, DeviceUpdated, DeviceUpdatedData, OperatingSystem
from schemas.fields import DEVICE_ID_PATTERN


@pytest.mark.parametrize(
    ("hostname", "expected"),
    [("nas-1", "nas-1"), ("NAS.example.org", "nas.example.org"), ("my host", "my-host"), ("_x", "x"), ("ü1", "1")],
)
def test_the_host_name_makes_the_id(hostname: str, expected: str) -> None:
    assert device_id(None, hostname) == expected


def test_the_setting_wins() -> None:
    assert device_id("rack-7", "nas-1") == "rack-7"


@pytest.mark.parametrize("hostname", ["", "---", "…"])
def test_a_host_name_that_gives_no_id_is_an_error_that_names_the_setting(hostname: str) -> None:
    with pytest.raises(SettingsInvalid, match="INFRASTRUCTOR_AGENT__DEVICE_ID"):
        device_id(None, hostname)


@given(st.text(max_size=100))
def test_an_id_is_valid_or_an_error(hostname: str) -> None:
    try:
        found = device_id(None, hostname)
    except SettingsInvalid:
        return

    assert re.match(DEVICE_ID_PATTERN, found)


def test_settings_name_the_variable_that_is_wrong() -> None:
    with pytest.raises(SettingsInvalid, match=r"INFRASTRUCTOR_AGENT__DEVICE_ID.*for example"):
        load(AgentSettings, World((("environment", {"INFRASTRUCTOR_AGENT__DEVICE_ID": "Not Good"}),)))
    settings = load(AgentSettings, World((("environment", {"INFRASTRUCTOR_AGENT__GROUPS": "a, b"}),)))
    assert settings.groups == ("a", "b")
    assert settings.limits.max_bytes == 1 << 30
    assert settings.limits.max_metrics_age.days == 7


SEEN = DeviceAttributes(hostname="nas", kernel="6.1.0", os=OperatingSystem(id="debian", version="12"), groups=("a",))


def test_an_unknown_device_is_registered_once() -> None:
    first = registration(SEEN, None)
    assert first is not None
    assert (first.model, first.data) == (DeviceRegistered, SEEN)
    assert registration(SEEN, first.remember) is None


def test_what_changed_is_named() -> None:
    first = registration(SEEN, None)
    assert first is not None
    after = SEEN.model_copy(update={"kernel": "6.12.0", "os": OperatingSystem(id="debian", version="13")})
    news = registration(after, first.remember)
    assert news is not None
    assert news.model is DeviceUpdated
    assert isinstance(news.data, DeviceUpdatedData)
    assert news.data.changed == ("kernel", "os")
    assert news.data.kernel == "6.12.0"


def test_a_memory_of_another_version_is_no_memory() -> None:
    news = registration(SEEN, '{"hostname": "nas", "colour": "blue"}')
    assert news is not None
    assert news.model is DeviceRegistered


def test_skew_is_the_median_of_the_last_few_and_slow_ways_do_not_count() -> None:
    assert SkewMeter().seconds is None
    skew = SkewMeter()
    for appended_ms in (1_000, 2_000, 90_000, 2_000, 2_000):
        skew.add(sent_ms=0, appended_ms=appended_ms, under_way_s=0.1)
    skew.add(sent_ms=0, appended_ms=500_000, under_way_s=30)
    assert skew.seconds == 2.0
    for _ in range(5):
        skew.add(sent_ms=700_000, appended_ms=0, under_way_s=0.1)
    assert skew.seconds == -700.0


def test_a_command_has_one_hash_whatever_the_order_of_its_arguments() -> None:
    assert command_hash(("ls", "-a", "-l")) == command_hash(("ls", "-l", "-a"))
    assert command_hash(("ls", "-a", "-l")) != command_hash(("ls", "-a -l"))
    assert command_hash(("a", "b")) != command_hash(("b", "a"))


@pytest.mark.parametrize("pattern", ["/etc/$(id)", "/a b", "relative", "/a;b", "/a'b", "/a\nb", ""])
def test_paths_that_mean_something_to_a_shell_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="is not an absolute path"):
        argv_of(FileSet((pattern,)))
