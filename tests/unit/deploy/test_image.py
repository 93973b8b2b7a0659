"""The Dockerfile and what goes into its context."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
INSTRUCTIONS = [line for line in DOCKERFILE.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
IGNORED = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]


def in_context(path: str) -> bool:
    """Apply .dockerignore: the last pattern that matches a path, or a folder above it, decides."""
    inside = True
    parts = Path(path).parts
    prefixes = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    for line in IGNORED:
        wanted, pattern = line.startswith("!"), line.removeprefix("!").removeprefix("**/")
        anywhere = "**/" in line
        if any(fnmatch(part if anywhere else prefix, pattern) for part, prefix in zip(parts, prefixes, strict=True)):
            inside = wanted
    return inside


def test_what_the_wheel_is_built_from_is_in_the_context() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = [f"{package}/__init__.py" for package in wheel["packages"]]
    needed += ["pyproject.toml", "requirements/server.txt", project["project"]["readme"], "LICENSE"]
    needed += list(wheel["force-include"])
    assert [path for path in needed if not in_context(path)] == []


def test_secrets_data_and_history_stay_out() -> None:
    for path in (".env", "runtime.env", "deploy/.env", ".git/config", ".infrastructor/spool.db", "deploy/compose/.env"):
        assert not in_context(path), path
    assert not in_context("tests/conftest.py")


def test_dependencies_are_checked_by_hash_and_the_project_brings_none() -> None:
    installs = [line for line in INSTRUCTIONS if "pip install" in line]
    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert {"--no-deps", "--no-index", "--no-build-isolation"} <= set(installs[1].split())


def test_it_names_no_registry() -> None:
    assert not re.search(r"https?://|--index-url|--extra-index|--trusted-host", DOCKERFILE)


def test_base_images_are_pinned() -> None:
    (image,) = re.findall(r"^ARG PYTHON_IMAGE=(.+)$", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", image)
    assert {line.split()[1] for line in INSTRUCTIONS if line.startswith("FROM ")} == {"${PYTHON_IMAGE}"}


def test_it_runs_as_nobody_of_importance() -> None:
    last = [line for line in INSTRUCTIONS if line.startswith("USER ")][-1]
    assert last == "USER 10001:10001"
    assert INSTRUCTIONS.index(last) > max(i for i, line in enumerate(INSTRUCTIONS) if line.startswith("RUN "))
