"""Device ids, registration, skew, command hashes, settings."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.device import device_id
from collectors.registration import News, Registration, news
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


SEEN = DeviceAttributes(hostname="nas", kernel="6.1.0", os=OperatingSystem(id="debian", version="12"))
KNOWN = DeviceAttributes(agent="nas", groups=("a",))
BOTH = SEEN.model_copy(update={"agent": "nas", "groups": ("a",)})
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_an_unknown_device_is_registered_once_everywhere() -> None:
    first = news(SEEN, KNOWN, None, at=NOW, measured=False)
    assert first.inventory == first.metrics == Registration(DeviceRegistered, BOTH)
    for measured in (False, True):
        assert news(SEEN, KNOWN, first.remember, at=NOW, measured=measured) == News(None, None, None)
        assert news(None, KNOWN, first.remember, at=NOW, measured=measured) == News(None, None, None)


def test_what_changed_is_named() -> None:
    first = news(SEEN, KNOWN, None, at=NOW, measured=False)
    after = SEEN.model_copy(update={"kernel": "6.12.0", "os": OperatingSystem(id="debian", version="13")})
    again = news(after, KNOWN, first.remember, at=NOW, measured=False)
    assert again.inventory is not None
    assert again.inventory == again.metrics
    assert again.inventory.model is DeviceUpdated
    assert isinstance(again.inventory.data, DeviceUpdatedData)
    assert again.inventory.data.changed == ("kernel", "os")
    assert again.inventory.data.kernel == "6.12.0"


def test_before_its_first_metrics_a_device_is_told_of_there_though_it_was_not_seen_yet() -> None:
    assert news(None, KNOWN, None, at=NOW, measured=False) == News(None, None, None)
    early = news(None, KNOWN, None, at=NOW, measured=True)
    assert (early.inventory, early.metrics) == (None, Registration(DeviceRegistered, KNOWN))
    seen = news(SEEN, KNOWN, early.remember, at=NOW, measured=False)
    assert seen.inventory == Registration(DeviceRegistered, BOTH)
    assert seen.metrics is not None
    assert isinstance(seen.metrics.data, DeviceUpdatedData)
    assert seen.metrics.data.changed == ("hostname", "kernel", "os")


def test_groups_that_change_are_told_with_the_next_metrics_and_to_the_inventory_with_the_next_look_at_it() -> None:
    first = news(SEEN, KNOWN, None, at=NOW, measured=False)
    moved = DeviceAttributes(agent="nas", groups=("b",))
    early = news(None, moved, first.remember, at=NOW, measured=True)
    assert early.inventory is None
    assert early.metrics is not None
    assert (early.metrics.data.groups, early.metrics.data.hostname) == (("b",), "nas")
    seen = news(SEEN, moved, early.remember, at=NOW, measured=False)
    assert seen.inventory is not None
    assert seen.inventory.data.groups == ("b",)
    assert seen.metrics is None


def test_metrics_are_told_again_once_a_day() -> None:
    first = news(SEEN, KNOWN, None, at=NOW, measured=True)
    for hours, told in ((23, False), (24, True), (-30, True)):
        found = news(None, KNOWN, first.remember, at=NOW + timedelta(hours=hours), measured=True)
        assert (found.metrics is not None) is told
        assert found.inventory is None
    again = news(None, KNOWN, first.remember, at=NOW + timedelta(hours=24), measured=True)
    assert again.metrics is not None
    assert isinstance(again.metrics.data, DeviceUpdatedData)
    assert (again.metrics.data.hostname, again.metrics.data.changed) == ("nas", ())
    assert news(None, KNOWN, again.remember, at=NOW + timedelta(hours=47), measured=True).metrics is None


def test_what_an_earlier_version_remembered_is_told_where_it_was_not_told_before() -> None:
    found = news(None, KNOWN, BOTH.model_dump_json(exclude_none=True), at=NOW, measured=True)
    assert (found.inventory, found.metrics) == (None, Registration(DeviceRegistered, BOTH))
    assert news(SEEN, KNOWN, found.remember, at=NOW, measured=True) == News(None, None, None)


def test_a_memory_of_another_version_is_no_memory() -> None:
    found = news(SEEN, KNOWN, '{"hostname": "nas", "colour": "blue"}', at=NOW, measured=False)
    assert found.inventory is not None
    assert found.inventory.model is DeviceRegistered


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
