"""The one function that makes a line for a shell: a real sh reads back what was meant, whatever it holds."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.errors import LookFailed
from collectors.ssh.quoting import command_line, quoted, words_line

HOSTILE = [
    "",
    " ",
    "a b",
    "it's",
    '"',
    "'; touch /tmp/owned; '",
    "$(id)",
    "`id`",
    "${HOME}",
    "a\nb",
    "\n",
    "\\",
    "-rf",
    "--",
    "~root",
    "*",
    "[a-z]",
    "a;b",
    "a&b|c>d<e",
    "#x",
    "!x",
    "=ls",
    "x=1",
    "ünïcode ✓",
    "\u202eevil",
    "\t",
    "a'\"'\"'b",
    "%s%n",
    "{a,b}",
]


def read_back(line: str) -> list[str]:
    """Return the words that a real shell makes of a line whose program prints its arguments, each ended by NUL."""
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=True, env={"PATH": "/usr/bin:/bin"})
    return done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


@pytest.mark.parametrize("word", HOSTILE)
def test_a_hostile_word_arrives_as_it_is(word: str) -> None:
    assert read_back(words_line(("printf", r"%s\0", "x", word, "y"))) == ["x", word, "y"]


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30), max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_words_arrive_as_they_are(words: list[str]) -> None:
    assert read_back(words_line(("printf", r"%s\0", "x", *words))) == ["x", *words]


def test_plain_words_stay_readable() -> None:
    assert words_line(("smartctl", "-j", "--all", "/dev/sda")) == "'smartctl' -j --all /dev/sda"


@pytest.mark.parametrize("name", ["if", "x=1", "{", "alias", "a b", "-n"])
def test_a_program_is_never_a_keyword_or_an_assignment(name: str) -> None:
    done = subprocess.run(["sh", "-c", words_line((name, "true"))], capture_output=True, check=False)
    assert done.returncode in {126, 127} or name == "alias"
    assert b"yntax" not in done.stderr


def test_nul_is_refused() -> None:
    with pytest.raises(LookFailed, match="NUL"):
        quoted("a\0b")


def test_a_command_speaks_the_language_of_machines_and_tells_its_group() -> None:
    done = subprocess.run(
        ["sh", "-c", command_line(("sh", "-c", "echo $LC_ALL $PATH"))],
        capture_output=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "de_DE.UTF-8"},
    )
    assert done.stdout == b"C /usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin\n"
    assert done.stderr.strip().isdigit()
