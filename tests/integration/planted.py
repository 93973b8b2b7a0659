"""Secrets that are planted, and the search for them in bytes: plain, cut in half, as base64, as hexadecimal digits."""

import base64
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote


class Planting:
    """Makes secrets that all share a mark, so that one search finds whichever of them got out.

    A secret has the mark at its beginning and at its end, so that a part of it is found, too; what stands between is
    written otherwise in an address (`/+`). Letters and digits are never encoded in one, so the mark is found there.
    """

    def __init__(self, mark: str) -> None:
        assert len(mark) >= 8
        self._mark = mark
        self.made: dict[str, str] = {}
        self._found = re.compile(b"|".join(re.escape(form) for form in sorted(set(self._forms()))))

    def __call__(self, place: str) -> str:
        """Return the secret of a place."""
        return self.made.setdefault(place, f"{self._mark}{len(self.made):03d}/+{self._mark}")

    def in_address(self, place: str) -> str:
        """Return it as it is written in an address."""
        return quote(self(place), safe="")

    def _forms(self) -> Iterator[bytes]:
        whole = self._mark.encode()
        yield from (whole[:6], whole[-6:], whole.lower(), whole.upper())
        yield from (whole.hex().encode(), whole.hex().upper().encode())
        for shift in range(3):
            # What of it does not depend on what stands before or behind.
            text = base64.b64encode(b"\0" * shift + whole + b"\0\0\0")
            yield text[(shift * 8 + 5) // 6 : (shift + len(whole)) * 8 // 6]

    def found(self, where: str, data: bytes) -> list[str]:
        """Return a sentence for each place in the bytes at which a secret stands, in whatever form; at most five."""
        found = []
        for match in self._found.finditer(data):
            around = data[max(0, match.start() - 60) : match.end() + 40]
            found.append(f"{where}, byte {match.start()}: {around!r}")
            if len(found) == 5:
                break
        return found


def files_of(*folders: Path) -> Iterator[Path]:
    """Yield every regular file below."""
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def missing(wanted: Iterable[str], data: bytes) -> list[str]:
    """Return what of harmless texts is not in the bytes."""
    return [text for text in wanted if text.encode() not in data]
