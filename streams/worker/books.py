"""Files of rules and policies: the documents in them, by kind, and whether a file changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.errors import InputInvalid
from schemas.rules import RulesKind
from streams.alerts.rules import load_rules
from streams.documents import document_hash
from streams.policies import load_policies

Stamp = tuple[int, int, int]
"""What tells one state of a file from another: time of change, size, number of the inode."""


@dataclass(frozen=True, slots=True)
class Book:
    """A valid document as it stands in its file."""

    kind: RulesKind
    revision: int
    digest: str
    document: dict[str, Any]


Books = Mapping[RulesKind, Book]


def rule_books(path: Path) -> Books:
    """The rules of alerts in a file. Raises InputInvalid."""
    rules, document = load_rules(path)
    return {"alert_rules": Book("alert_rules", rules.revision, document_hash(document), document)}


def policy_books(path: Path) -> Books:
    """The policies in a file, those left out included: their document is empty. Raises InputInvalid."""
    read = load_policies(path)
    revision = read.policies.revision
    return {kind: Book(kind, revision, document_hash(one), one) for kind, one in read.documents.items()}


class BookFile:
    """A file that is watched. One that is wrong is told of, and its last good books stay."""

    def __init__(self, path: Path, read: Callable[[Path], Books]) -> None:
        """Read the file. Raises InputInvalid."""
        self.path = path
        self.wrong: str | None = None
        """What is wrong with the file as it is now; None when its books are those that it holds."""
        self._read = read
        self._seen = self._reading = self._stamp()
        self.books = read(path)

    def look(self) -> bool:
        """Read the file again when it changed; whether it was read.

        Only once it is the same at two looks: one that is half written may be valid, and of the same revision.
        """
        stamp, before = self._stamp(), self._reading
        self._reading = stamp
        if stamp == self._seen or stamp != before:
            return False
        self._seen = stamp
        try:
            self.books, self.wrong = self._read(self.path), None
        except InputInvalid as error:
            self.wrong = error.message
        return True

    def _stamp(self) -> Stamp | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino)
