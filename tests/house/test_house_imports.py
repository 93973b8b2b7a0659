"""The rule of imports, as pyproject.toml states it, and that it would notice."""

import io
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import grimp
import pytest
from importlinter import api
from importlinter.cli import lint_imports

from tests.house.repository import PACKAGES, ROOT, modules


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_imports_go_one_way() -> None:
    said = io.StringIO()
    with redirect_stdout(said):
        broken = lint_imports(config_filename="pyproject.toml", no_cache=True, no_logo=True)
    assert not broken, said.getvalue()


def test_the_rule_is_over_every_package() -> None:
    contracts = api.read_configuration("pyproject.toml")
    assert set(contracts["session_options"]["root_packages"]) == set(PACKAGES)
    folders = {path.parts[0] for path in modules() if len(path.parts) > 1}
    assert folders - {"tests", "benchmarks"} == set(PACKAGES)


def test_the_rule_notices(tmp_path: Path) -> None:
    """The same contracts on made-up packages that import what they must not."""
    wrongs = [("sinks", "collectors"), ("schemas", "runtime"), ("runtime", "deploy"), ("replay", "deploy")]
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]

    def lint() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert lint().returncode == 0
    for importer, imported in wrongs:
        wrong = tmp_path / importer / "wrong.py"
        wrong.write_text(f"import {imported}\n")
        assert lint().returncode == 1, f"{importer} imports {imported} and nobody says so"
        wrong.unlink()


def test_the_schemas_stand_on_pydantic_and_orjson_alone() -> None:
    graph = grimp.build_graph("schemas", include_external_packages=True, cache_dir=None)
    external = {
        module
        for ours in graph.modules
        for module in graph.find_modules_directly_imported_by(ours)
        if not module.startswith("schemas") and module not in sys.stdlib_module_names
    }
    assert external == {"pydantic", "pydantic_core", "orjson"}
