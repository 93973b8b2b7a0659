"""The registry: what is on, how often, and names that are wrong."""

from pathlib import Path

import pytest

from collectors.catalog import COLLECTORS, NAMES, named_look, planned_looks, shortest_interval
from collectors.request import argv_of, command_hash
from collectors.settings import AgentSettings
from runtime.errors import InputInvalid, SettingsInvalid
from runtime.settings import World, load

FOLDER = Path(__file__).parents[3] / "collectors"


def settings(**variables: str) -> AgentSettings:
    return load(
        AgentSettings,
        World((("environment", {f"INFRASTRUCTOR_AGENT__{name}": value for name, value in variables.items()}),)),
    )


def test_each_folder_with_a_look_is_registered() -> None:
    looks = {path.parent.name for path in FOLDER.glob("*/look.py")}
    registered = {named_look(name, settings()).look.parse for name in NAMES}
    assert {getattr(parse, "func", parse).__module__.split(".")[1] for parse in registered} == looks


@pytest.mark.parametrize("name", NAMES)
def test_a_look_bears_the_name_it_is_registered_by(name: str) -> None:
    look = named_look(name, settings()).look
    assert look.name == name
    assert set(look.sudo) <= set(look.programs)
    assert look.timeout_s <= 120


def test_names_are_distinct_and_identity_comes_first() -> None:
    assert len(set(NAMES)) == len(COLLECTORS)
    assert NAMES[0] == "identity"


def test_the_design_s_intervals_and_freshness() -> None:
    expected = {
        "system": (10, 30),
        "containers": (30, 30),
        "network": (120, 120),
        "zfs": (600, 600),
        "services": (600, 600),
        "drives": (3600, 3600),
        "packages": (3600, 3600),
        "gpu": (30, 30),
    }
    planned = {one.look.name: one for one in planned_looks(settings())}
    assert {name: (planned[name].interval_s, planned[name].look.cache_ttl_s) for name in expected} == expected


def test_all_are_on_unless_some_are_chosen() -> None:
    assert tuple(one.look.name for one in planned_looks(settings())) == NAMES
    chosen = settings(COLLECTORS="drives, identity")
    assert [one.look.name for one in planned_looks(chosen)] == ["identity", "drives"]


def test_intervals_are_set_by_name() -> None:
    found = settings(INTERVALS="containers=15,drives=7200.5", INTERVAL_S="20")
    planned = {one.look.name: one.interval_s for one in planned_looks(found)}
    assert (planned["containers"], planned["drives"], planned["system"]) == (15, 7200.5, 20)


@pytest.mark.parametrize("value", ["containers", "containers=", "containers=0", "containers=9999999", "a b=3"])
def test_an_interval_that_is_none_is_refused_by_its_variable(value: str) -> None:
    with pytest.raises(SettingsInvalid, match="INFRASTRUCTOR_AGENT__INTERVALS"):
        settings(INTERVALS=value)


def test_names_that_are_wrong_are_refused_by_their_variable() -> None:
    with pytest.raises(SettingsInvalid, match="AGENT__COLLECTORS: there is no collector 'drivs': did you mean drives"):
        planned_looks(settings(COLLECTORS="drivs"))
    with pytest.raises(SettingsInvalid, match="AGENT__INTERVALS: there is no collector 'x'; there are identity"):
        planned_looks(settings(INTERVALS="x=5"))
    with pytest.raises(InputInvalid, match="did you mean zfs"):
        named_look("zfss", settings())


def test_liveness_is_counted_in_what_applies_everywhere() -> None:
    assert shortest_interval(settings(INTERVALS="containers=5")) == 10
    assert shortest_interval(settings(COLLECTORS="containers,drives")) == 30


@pytest.mark.parametrize("name", NAMES)
def test_a_command_has_one_hash_whatever_the_order_of_its_arguments(name: str) -> None:
    look = named_look(name, settings()).look
    program, *arguments = argv_of(look.request)
    assert look.hash == command_hash((program, *reversed(arguments)))
