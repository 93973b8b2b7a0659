"""Sizes, names, and what no file may hold."""

import ast
import re
from pathlib import Path

from tests.house.repository import ROOT, files, modules, text

MOST_LINES = 400
MOST_FUNCTION_LINES = 50
BANNED = {"util", "utils", "helper", "helpers", "common", "base", "manager", "managers", "misc"}

# Written so that this file does not hold what it looks for.
INDEX = re.compile(
    r"https?://\S*(?:" + "|".join(["pypi", "python" + "hosted", "arti" + "factory", "nexus", r"/simple\b"]) + ")"
    r"|--(?:extra-)?index-url[ =]|--find-links[ =]|--trusted-host[ =]",
    re.IGNORECASE,
)
MACHINE_PATH = re.compile(r"(?<![\w.~$}/-])/(?:root|work|Users|home/(?!me\b))[/\w]*/\w")
ADDRESS = re.compile(r"\b(?:10\.\d+|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d+\.\d+\b")
UNFINISHED = re.compile(r"\b(?:TO" + "DO|FIX" + "ME|X" + r"XX)\b")


def _functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(text(path))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_modules_are_short() -> None:
    lengths = {str(path): text(path).count("\n") for path in modules()}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_functions_are_short() -> None:
    found = {f"{path}:{one.lineno} {one.name}": _length(one) for path in modules() for one in _functions(path)}
    assert {place: length for place, length in found.items() if length > MOST_FUNCTION_LINES} == {}


def test_no_module_or_folder_has_a_name_that_says_nothing() -> None:
    found = [str(path) for path in modules() if BANNED & {*path.parts[:-1], path.stem}]
    assert found == []


def test_no_class_has_one_either() -> None:
    found = [
        f"{path}:{node.lineno} {node.name}"
        for path in modules()
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, ast.ClassDef) and BANNED & set(_words(node.name))
    ]
    assert found == []


def _words(name: str) -> list[str]:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_")


def _lines_with(pattern: re.Pattern[str], *, suffixes: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{path}:{number}: {found[0]}"
        for path in files()
        if not suffixes or path.suffix in suffixes
        for number, line in enumerate(text(path).splitlines(), 1)
        if (found := pattern.search(line))
    ]


def test_no_file_names_where_packages_come_from() -> None:
    assert _lines_with(INDEX) == []


def test_no_file_names_a_path_of_a_machine() -> None:
    assert _lines_with(MACHINE_PATH) == []


def test_nothing_is_left_unfinished() -> None:
    assert _lines_with(UNFINISHED, suffixes=(".py", ".sql", ".sh", ".yaml", ".yml", ".toml")) == []


def test_pinned_requirements_are_names_versions_and_hashes() -> None:
    pinned = re.compile(r"[a-z0-9][a-z0-9.-]*==\S+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    for path in (ROOT / "requirements").glob("*.txt"):
        assert [line for line in path.read_text().splitlines() if pinned.fullmatch(line) is None] == [], path.name


def test_what_looks_for_them_finds_them() -> None:
    assert INDEX.search("see https://" + "py" + "pi.org/simple/rich")
    assert INDEX.search("pip install --index" + "-url=https://x")
    assert MACHINE_PATH.search("cd /ro" + "ot/project")
    assert MACHINE_PATH.search('"/ho' + 'me/ada/project"')
    assert not MACHINE_PATH.search("~/work/project, tests/work/x, $HOME/root/x, /var/lib/work")
    assert UNFINISHED.search("# TO" + "DO later")
    assert _words("TopicHelper") == ["topic", "helper"]
