"""What is published of configuration files, and when: what changed, and everything once a day.

The agent keeps, of each file, its hash, its text with secrets masked, and when it was published; what follows from a
look is a pure step over that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter

from collectors.config_files import ConfigFile, Configurations
from collectors.difference import unified
from collectors.look import Observation, Told
from schemas.config import ConfigObserved, ConfigObservedData
from schemas.registry import OBSERVATIONS

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is remembered of one file as it was last published: `text` has its secrets masked."""

    content_hash: str
    text: str | None
    published_at: datetime

    def to_json(self) -> bytes:
        """Return it for a store."""
        return _KEPT.dump_json(self)

    @staticmethod
    def from_json(stored: bytes) -> "Kept":
        """Return what `to_json` made. ValueError when it is something else."""
        return _KEPT.validate_json(stored)


_KEPT = TypeAdapter(Kept)


@dataclass(frozen=True, slots=True)
class Step:
    """What to publish, and what to remember from then on by path; None is to be forgotten."""

    published: tuple[ConfigObservedData, ...] = ()
    kept: Mapping[str, Kept | None] = field(default_factory=dict)


def step(seen: Configurations, kept: Mapping[str, Kept], now: datetime) -> Step:
    """Return what follows from a look at `now`, given what is kept of each path of this device and collector.

    A file is published when it is new, when its hash is another, and when a day has passed; one that has gone, once.
    """
    published: list[ConfigObservedData] = []
    changes: dict[str, Kept | None] = {}
    for file in seen.files:
        before = kept.get(file.path)
        if before is not None and not _is_due(file, before, now):
            continue
        published.append(_observed(file, before))
        # While a file cannot be understood, the text to compare with is the last one that could.
        text = file.text if file.text is not None or before is None else before.text
        changes[file.path] = Kept(file.content_hash, text, now)
    for path, before in kept.items():
        if seen.lacks(path):
            gone = ConfigObservedData(kind=seen.kind, path=path, present=False, previous_hash=before.content_hash)
            published.append(gone)
            changes[path] = None
    return Step(tuple(published), changes)


def _is_due(file: ConfigFile, before: Kept, now: datetime) -> bool:
    # A clock that was set back must not silence a file for longer than a day either.
    return before.content_hash != file.content_hash or abs(now - before.published_at) >= DAY


def _observed(file: ConfigFile, before: Kept | None) -> ConfigObservedData:
    is_other = before is not None and before.content_hash != file.content_hash
    return ConfigObservedData(
        kind=file.kind,
        path=file.path,
        name=file.name,
        enabled=file.enabled,
        content_hash=file.content_hash,
        previous_hash=before.content_hash if before is not None and is_other else None,
        size_bytes=file.size_bytes,
        content=file.content,
        error=file.error,
        diff=unified(file.path, before.text, file.text) if before is not None and is_other else None,
    )


def tell(now: Configurations, before: Configurations | None) -> Told:
    """Return what changed between two looks, and everything at the first: a look by itself knows no day."""
    kept = {} if before is None else {file.path: Kept(file.content_hash, file.text, _ONCE) for file in before.files}
    return Told(observations(step(now, kept, _ONCE).published))


_ONCE = datetime(2000, 1, 1, tzinfo=UTC)


def observations(published: tuple[ConfigObservedData, ...]) -> tuple[Observation, ...]:
    """Return the events to be."""
    return tuple(Observation(ConfigObserved, OBSERVATIONS, data) for data in published)
