"""One argument vector as one line for a remote POSIX shell: the only place where a line for a shell is made.

sshd hands the line to the login shell of the user. Every word that is not plainly harmless stands in single quotes,
in which a POSIX shell (XCU 2.2.2) takes everything but the single quote itself for what it is.
"""

import re

from collectors.errors import LookFailed

PREFIX = 'export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"; echo "$$" >&2; exec '
"""Before each command: programs speak the language of machines, those for administrators are found, and the first line
of the errors is the process (and, by setsid(2) in sshd, its group) that is to be killed if it does not end."""

_HARMLESS = re.compile(r"^[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*$")


def quoted(word: str) -> str:
    """Return one word as a POSIX shell reads it back, whatever it holds. Raises LookFailed for NUL: it cannot be."""
    if "\x00" in word:
        raise LookFailed("an argument holds a NUL character, which no program can be given", operation="quote")
    if _HARMLESS.match(word) and "\n" not in word:
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


def words_line(argv: tuple[str, ...]) -> str:
    """Return the vector as one line. The program's name is never a keyword, an assignment or an alias."""
    if not argv:
        raise LookFailed("there is no program to run", operation="quote")
    first = quoted(argv[0])
    if "=" in first or "/" not in first:
        first = first if first.startswith("'") else f"'{first}'"
    return " ".join([first, *(quoted(word) for word in argv[1:])])


def command_line(argv: tuple[str, ...]) -> str:
    """Return the line that is sent to a device."""
    return PREFIX + words_line(argv)
