"""How far a backfill has come, kept in a small file in the data folder, so that it goes on after a kill.

The file is written after each commit. A kill between the two costs one batch merged again, which changes nothing.
"""

import fcntl
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from replay.figures import Totals
from replay.plan import Place, Reach
from runtime.errors import AlreadyRunning, InputInvalid

VERSION = 2


@dataclass(slots=True)
class Progress:
    """The ranges as they were planned, how far each was stored, and what was counted."""

    reaches: list[Reach]
    done: dict[Place, int] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
    planned_ms: int = 0
    """When that was, ms since 1970: ages such as `2d` are counted from here."""


class ProgressFile:
    """The file of one backfill: the same options on the same database find it again."""

    def __init__(self, data_dir: Path, options: Mapping[str, object]) -> None:
        text = json.dumps(dict(options), sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        self.path = data_dir / "replay" / f"backfill-{digest}.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others with the same options out. Raises AlreadyRunning, InputInvalid."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = self.path.with_suffix(".lock").open("w")
        except OSError as error:
            raise InputInvalid(
                f"{self.path.parent} cannot be written ({(error.strerror or str(error)).lower()}): name a folder of "
                "your own in INFRASTRUCTOR_DATA_DIR",
                operation="keep progress",
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise AlreadyRunning(
                    f"the same backfill runs already ({self.path.with_suffix('.lock')} is locked)",
                    operation="keep progress",
                ) from error
            yield

    def load(self) -> Progress | None:
        """What was stored; None when there is none or another version wrote it: then the backfill begins anew."""
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
            return _progress(document) if document["version"] == VERSION else None
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def save(self, progress: Progress) -> None:
        """Write the file whole, or leave the one before."""
        totals = progress.totals
        document = {
            "version": VERSION,
            "planned_ms": progress.planned_ms,
            "reaches": [[one.topic, one.partition, one.begin, one.end] for one in progress.reaches],
            "done": [[*place, offset] for place, offset in progress.done.items()],
            "totals": totals.document(),
        }
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps(document), encoding="utf-8")
        os.replace(beside, self.path)

    def remove(self) -> None:
        """Forget it: the backfill is whole."""
        self.path.unlink(missing_ok=True)


def _progress(document: Mapping[str, Any]) -> Progress:
    told = dict(document["totals"])
    low, high = (datetime.fromisoformat(told[name]) if told[name] else None for name in ("low", "high"))
    totals = Totals(**{**told, "changed": Counter(told["changed"]), "refused": Counter(told["refused"])})
    totals.low, totals.high = low, high
    return Progress(
        [Reach(*one) for one in document["reaches"]],
        {(topic, partition): offset for topic, partition, offset in document["done"]},
        totals,
        document["planned_ms"],
    )
