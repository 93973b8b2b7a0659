"""docker-compose.yml against the Compose specification's schema, and against rules of our own."""

import json
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = {"gotify-volume", "topics", "database", "roles"}
LASTING = sorted(set(SERVICES) - ONCE)

# The package check-jsonschema brings the specification's own schema along.
SCHEMA = Draft202012Validator(
    json.loads(files("check_jsonschema.builtin_schemas.vendor").joinpath("compose-spec.json").read_text())
)

# ${NAME}, ${NAME:?what to set}, ${NAME:-default}, ${NAME:+in its place}: Compose specification, "Interpolation".
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?P<how>:\?|:-|:\+)?(?P<rest>[^}]*)\}")
SECRET = re.compile(r"PASS|PASSWORD|SECRET|KEY", re.IGNORECASE)


def environment(service: str) -> dict[str, str]:
    values: dict[str, str] = SERVICES[service].get("environment", {})
    return values


def variables() -> Iterator[re.Match[str]]:
    yield from VARIABLE.finditer(json.dumps(SERVICES))


def test_it_is_what_the_compose_specification_says() -> None:
    assert [str(error.message) for error in SCHEMA.iter_errors(COMPOSE)] == []


def test_the_schema_would_notice() -> None:
    """The schema is not so lenient that a slip of the pen passes."""
    broken = {**COMPOSE, "services": {**SERVICES, "kafka": {**SERVICES["kafka"], "helthcheck": {}}}}
    assert list(SCHEMA.iter_errors(broken))


@pytest.mark.parametrize("service", SERVICES)
def test_no_root_no_capabilities_no_writable_root(service: str) -> None:
    spec = SERVICES[service]
    assert spec["user"].partition(":")[0] not in {"", "0", "root"}
    assert spec["read_only"] is True
    assert spec["cap_drop"] == ["ALL"]
    assert not spec.get("cap_add")
    assert not spec.get("privileged")
    assert spec["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", SERVICES)
def test_ports_are_on_loopback(service: str) -> None:
    for port in SERVICES[service].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), port


@pytest.mark.parametrize("service", SERVICES)
def test_images_are_pinned(service: str) -> None:
    _, _, tag = SERVICES[service]["image"].rpartition(":")
    assert re.match(r"v?\d+\.\d+\.\d+", tag), f"{tag!r} is no version"


def test_our_own_image_has_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    ours = {spec["image"] for spec in SERVICES.values() if "build" in spec}
    assert ours == {f"infrastructor:{version}"}


@pytest.mark.parametrize("service", LASTING)
def test_what_runs_for_long_is_asked_for_its_health(service: str) -> None:
    health = SERVICES[service]["healthcheck"]
    assert health["test"][0] == "CMD"
    assert "disable" not in health
    assert SERVICES[service]["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", sorted(ONCE))
def test_what_runs_once_is_waited_for(service: str) -> None:
    assert SERVICES[service]["restart"] == "no"
    conditions = [
        spec["depends_on"][service]["condition"] for spec in SERVICES.values() if service in spec.get("depends_on", {})
    ]
    assert conditions
    assert set(conditions) == {"service_completed_successfully"}


@pytest.mark.parametrize("service", LASTING)
def test_what_runs_for_long_is_waited_for_by_its_health(service: str) -> None:
    for spec in SERVICES.values():
        if service in spec.get("depends_on", {}):
            assert spec["depends_on"][service]["condition"] == "service_healthy"


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_has_a_default(service: str) -> None:
    for name, value in environment(service).items():
        if SECRET.search(name):
            assert (found := VARIABLE.fullmatch(value)), f"{name} is written out"
            if "profiles" in SERVICES[service]:
                # Not everybody starts it, and Compose asks for every variable of the file: empty means not configured.
                assert (found["how"], found["rest"]) == (":-", ""), f"{name} has a default"
                continue
            assert found["how"] == ":?", f"{name} has a default"
            assert "deploy/compose/.env.example" in found["rest"], f"{name}: the message does not say what to do"


def test_the_example_file_knows_every_variable_and_no_other() -> None:
    lines = (ROOT / "deploy/compose/.env.example").read_text().splitlines()
    named = {found[1]: found[2] for line in lines if (found := re.fullmatch(r"#?([A-Z_]+)=(.*)", line))}
    assert set(named) == {found["name"] for found in variables()}
    required = {found["name"] for found in variables() if found["how"] == ":?"}
    assert {name for name in required if named[name]} == set(), "an example password is a default password"


def test_named_volumes_are_declared_and_used_and_the_rest_is_read_only() -> None:
    named = set()
    for service, spec in SERVICES.items():
        for mount in spec.get("volumes", []):
            source, _, rest = mount.partition(":")
            if source.startswith((".", "/")):
                assert rest.endswith((":ro", ":ro,rslave")), f"{service}: {mount}"
            else:
                named.add(source)
            if source.startswith("."):
                assert (ROOT / source).exists(), f"{service}: {source} does not exist"
    assert named == set(COMPOSE["volumes"])


def test_a_service_reaches_only_what_it_talks_to() -> None:
    """A network with a way out is for what publishes a port; the host's own for what looks at the host."""
    networks = COMPOSE["networks"]
    assert {name for name, network in networks.items() if not network.get("internal")} == {"published"}
    for service, spec in SERVICES.items():
        assert ("published" in spec.get("networks", [])) == ("ports" in spec), service
        if "network_mode" in spec:
            allowed = {"agent": "host", "prometheus": "host", "gotify-volume": "none"}
            assert spec["network_mode"] == allowed[service], service


def test_who_shares_the_network_of_the_host_listens_on_its_loopback() -> None:
    assert environment("agent")["INFRASTRUCTOR_HTTP__HOST"] == "127.0.0.1"
    assert "--web.listen-address=127.0.0.1:9090" in SERVICES["prometheus"]["command"]
