"""Opening the spool's file: one agent at a time, and a damaged file set aside rather than fatal."""

import contextlib
import fcntl
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from collectors.spool.limits import SpoolCorrupt, SpoolLimits
from collectors.spool.room import Dropped, gap_drafts, lost_ranges
from collectors.spool.store import SpoolStore, statements
from runtime.clock import Clock
from runtime.errors import AlreadyRunning, SpoolUnusable
from runtime.sql import Statements


class SpoolLock:
    """Held while an agent runs: two on one spool would give out the same numbers twice. Released by the kernel."""

    def __init__(self, path: Path) -> None:
        """Take the lock of the spool at `path`. Raises AlreadyRunning, SpoolUnusable."""
        self._path = path.with_name(path.name + ".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SpoolUnusable(
                f"{self._path} cannot be written ({(error.strerror or '').lower()}): "
                "check INFRASTRUCTOR_DATA_DIR and its permissions",
                operation="lock spool",
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._fd, 32, 0).decode(errors="replace").strip() or "another process"
            os.close(self._fd)
            raise AlreadyRunning(
                f"an agent already runs on {path} (process {holder}): stop it, or give this one another data folder "
                "with INFRASTRUCTOR_DATA_DIR",
                operation="lock spool",
                path=str(path),
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, b"%d\n" % os.getpid(), 0)

    def release(self) -> None:
        """Let another agent have it. May be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


@dataclass(frozen=True, slots=True)
class SetAside:
    """A damaged file: where it is now, what was wrong, and how many events it still held (None: unknown)."""

    path: Path
    why: str
    lost: int | None


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """How a spool is opened."""

    path: Path
    agent: str
    clock: Clock
    limits: SpoolLimits

    def open(self) -> tuple[SpoolStore, SetAside | None]:
        """Return the open file; a damaged one is set aside first, and another begins. Blocks. Raises SpoolUnusable."""
        sql = statements()
        try:
            return self._store(sql), None
        except SpoolCorrupt as error:
            why = error.message
        aside = self._set_aside()
        epoch, lost = _salvaged(aside, sql)
        store = self._store(sql)
        if epoch is not None:
            store.note_lost(list(gap_drafts(lost, reason="spool_corrupt", scope=epoch, clock=self.clock)))
        return store, SetAside(aside, why, sum(one.count for one in lost) if epoch is not None else None)

    def _store(self, sql: Statements) -> SpoolStore:
        return SpoolStore(self.path, agent=self.agent, clock=self.clock, limits=self.limits, sql=sql)

    def _set_aside(self) -> Path:
        stamp = self.clock.now().strftime("%Y%m%dT%H%M%S.%fZ")
        aside = self.path.with_name(f"{self.path.name}.corrupt-{stamp}")
        try:
            self.path.rename(aside)
            for suffix in ("-wal", "-shm"):
                beside = self.path.with_name(self.path.name + suffix)
                if beside.exists():
                    beside.rename(aside.with_name(aside.name + suffix))
        except OSError as error:
            raise SpoolUnusable(
                f"{self.path} is damaged and cannot be set aside ({error.strerror}): move it away by hand",
                operation="set spool aside",
            ) from error
        return aside


def _salvaged(path: Path, sql: Statements) -> tuple[str | None, list[Dropped]]:
    """Return the epoch of a damaged file and what it still held, as far as they can be read."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            row = db.execute(sql["select_identity"]).fetchone()
            if row is None or not isinstance(row[0], str):
                return None, []
            return row[0], lost_ranges(db, sql)
    except (sqlite3.Error, TypeError, ValueError):
        return None, []
