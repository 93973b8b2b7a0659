"""Reading a look in parts: one program that gives what cannot be read costs its own part, and that is said."""

from collections.abc import Callable
from typing import TypeVar

from collectors.errors import ParseError

MOST_SAID = 16
"""Reasons that are kept of one look; there are as many as there are things that are broken alike."""

T = TypeVar("T")


class Partly:
    """The parts of one look that could not be read: `unread` says why, each with its place."""

    def __init__(self) -> None:
        self._unread: list[str] = []

    def read(self, part: Callable[[], T]) -> T | None:
        """Return a part; None when it cannot be read."""
        try:
            return part()
        except ParseError as error:
            if len(self._unread) < MOST_SAID:
                self._unread.append(error.message)
            return None

    @property
    def unread(self) -> tuple[str, ...]:
        """Why parts could not be read, in their order."""
        return tuple(self._unread)
