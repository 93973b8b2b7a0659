"""`infrastructor parse` as a filter: every stored case, the corpus where it is, and what it must not touch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import build_cli
from collectors.catalog import NAMES
from collectors.errors import ParseError
from runtime.errors import InputInvalid
from schemas.codec import decode

ROOT = Path(__file__).resolve().parents[3]
CASES = ROOT / "tests" / "cases"
CORPUS = ROOT.parent / "shared" / "corpus"
OF_FOLDER = {
    "smartctl": "drives",
    "zpool": "zfs",
    "nvidia_smi": "gpu",
    "swag": "proxy_configs",
    "compose": "compose_files",
}
HEAVY = ("aiokafka", "structlog", "asyncssh", "rich", "faust", "psycopg", "prometheus_client", "sqlite3")


def parse(collector: str, text: bytes, *options: str) -> Result:
    arguments = ["parse", collector, "--device", "web-1", *options]
    return CliRunner().invoke(build_cli(), arguments, input=text)


def cases() -> list[tuple[str, Path]]:
    found = []
    for name in NAMES:
        for folder in sorted(path for path in (CASES / name).glob("*") if path.is_dir()):
            found.append((name, folder / "input.txt"))
    return found


def check(result: Result) -> str:
    """Return `events` or `refused`; anything else fails."""
    if result.exit_code == 0:
        for line in result.stdout.splitlines():
            event = decode(line.encode())
            assert event.subject == "web-1"
            assert event.source.startswith("/agents/web-1/00000000-0000-7000-8000-000000000000/")
        return "events"
    assert isinstance(result.exception, InputInvalid), result.exception
    assert isinstance(result.exception.__cause__, ParseError)
    return "refused"


@pytest.mark.parametrize(
    ("collector", "path"), cases(), ids=lambda value: getattr(value, "parent", Path(str(value))).name
)
def test_a_stored_case_gives_valid_events_or_names_the_place(collector: str, path: Path) -> None:
    text = path.with_name("expected.json").read_text(encoding="utf-8")
    before = path.with_name("before.txt")
    options = ("--before", str(before)) if before.exists() else ()
    is_error = isinstance(json.loads(text), dict)
    assert check(parse(collector, path.read_bytes(), *options)) == ("refused" if is_error else "events")


def test_there_are_cases_of_every_collector() -> None:
    without = set(NAMES) - {name for name, _ in cases()}
    # Told by the unit tests of the agent, and by the cases of `gpu`.
    assert without <= {"identity", "gpu_amd"}


@pytest.mark.parametrize("folder", OF_FOLDER)
def test_the_corpus_parses_or_names_the_place(folder: str) -> None:
    if not (CORPUS / folder).is_dir():
        pytest.skip(f"{CORPUS / folder} is not there")
    outcomes = {path.name: check(parse(OF_FOLDER[folder], path.read_bytes())) for path in (CORPUS / folder).iterdir()}
    assert outcomes
    refused = [name for name, outcome in outcomes.items() if outcome == "refused"]
    # Real outputs of programs that are known: those that cannot be read are few.
    assert len(refused) <= len(outcomes) // 10, refused


def test_the_same_input_gives_the_same_output() -> None:
    text = (CASES / "drives" / "nvme-worn-out" / "input.txt").read_bytes()
    assert parse("drives", text).output == parse("drives", text).output
    sequences = [json.loads(line)["sequence"] for line in parse("drives", text).output.splitlines()]
    assert sequences == [1, 1]


def test_what_is_wrong_is_one_line_and_exit_code_65() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "parse", "zfs", "--device", "d"],
        cwd=ROOT,
        input=b"Filesystem 1K-blocks\n",
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (65, b"")
    assert done.stderr.startswith(b"error: zpool: neither zpool list nor zpool status")
    assert done.stderr.count(b"\n") == 1


def test_it_imports_nothing_heavy() -> None:
    code = f"import sys, cli.main, cli.parse; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
