"""What several programs answered in one look: a section for each, named by its command line and how it ended.

A program that is no answer (its exit code says so) still has its section, `<command line> [exit <code>]`.
"""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from collectors import sections

_EXIT = re.compile(r"^(?P<line>.*) \[exit (?P<code>[0-9]{1,3})\]$")
LONGEST_PLACE = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """One section: the command line (or a file's path), the text, the exit code."""

    line: str
    text: str
    code: int = 0

    @property
    def place(self) -> str:
        """The section's name for errors, cut: a command line may name hundreds of things."""
        return self.line if len(self.line) <= LONGEST_PLACE else self.line[: LONGEST_PLACE - 4] + " ..."


def split_answers(text: str) -> tuple[Answer, ...]:
    """Return the sections of a look's text; none when it has no sections."""
    found = []
    for name, content in sections.split(text).items():
        ended = _EXIT.match(name)
        found.append(Answer(ended["line"], content, int(ended["code"])) if ended else Answer(name, content))
    return tuple(found)


def answers_to(found: Iterable[Answer], argv: tuple[str, ...]) -> tuple[Answer, ...]:
    """Return the answers to a command, whatever arguments follow those given."""
    wanted = shlex.join(argv)
    return tuple(one for one in found if one.line == wanted or one.line.startswith(wanted + " "))


def answer_to(found: Iterable[Answer], argv: tuple[str, ...]) -> Answer | None:
    """Return the first answer to a command that ended with 0; None when there is none."""
    return next((one for one in answers_to(found, argv) if one.code == 0), None)
