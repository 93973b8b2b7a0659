"""The command registry's entry: what one look asks, how its answer is read, and what it then tells."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from collectors.request import Question, argv_of, command_hash
from schemas.device import DeviceAttributes
from schemas.envelope import Envelope
from schemas.fields import Part

NOTHING_READ = "none of the files is there"
"""Of a look that reads files, among `absent`: without any of them it does not apply to the device."""

R = TypeVar("R")
"""What a parser makes of a look's text."""


@dataclass(frozen=True, slots=True)
class Observation:
    """An event to be: its type, the topic it belongs in, and its data."""

    model: type[Envelope]
    topic: str
    data: Part


@dataclass(frozen=True, slots=True)
class Told:
    """What a look tells: observations, and what the device is when the look is one at that.

    `remember` is what the look shall find again in its memory, by name; None: nothing any more. `partial` says what of
    the answer could not be read, and why.
    """

    observations: tuple[Observation, ...] = ()
    attributes: DeviceAttributes | None = None
    remember: Mapping[str, bytes | None] = field(default_factory=dict)
    partial: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look(Generic[R]):
    """One kind of look.

    `parse` turns the raw text into readings and raises nothing but ParseError. `tell` turns readings, and those of the
    look before on the same device (None at the first), into observations; `recall` does so instead where what is told
    depends on what was told before, however long ago: it is given its memory and the time. All are pure. Times in
    seconds; `retries` are tries after the first, and only where trying again can help. `parse_any` reads the text of a
    look that other settings made, where `parse` is told of what it asked for. `programs` are those the device must
    have, but for those in `optional`, and one at least of those in `any_of`; those in `sudo` want root, and are run by
    `sudo -n` where the login is another. `absent` are phrases of a refusal which say that the device has nothing of
    this kind: the look is then skipped, and has not failed.
    """

    name: str
    category: str
    request: Question
    parse: Callable[[str], R]
    tell: Callable[[R, R | None], Told]
    timeout_s: float = 10.0
    cache_ttl_s: float = 30.0
    retries: int = 0
    programs: tuple[str, ...] = ()
    sudo: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    parse_any: Callable[[str], R] | None = None
    recall: Callable[[R, Mapping[str, bytes], datetime], Told] | None = None
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hash", command_hash(self.argv))

    @property
    def deadline_s(self) -> float:
        """Seconds that a look may take in all: its tries, the waits between them, and waiting for a connection."""
        return self.timeout_s * (1 + self.retries)

    @property
    def argv(self) -> tuple[str, ...]:
        """The argument vector that answers this look where only programs can be run."""
        return argv_of(self.request)
