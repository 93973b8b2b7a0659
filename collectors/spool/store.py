"""The spool's file. Everything here blocks, and is called by one thread only: see `collectors.spool.spool`."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from collectors.spool.draft import MENTIONED, Commit, Draft
from collectors.spool.limits import SpoolCorrupt, SpoolFull, SpoolLimits
from collectors.spool.packing import packed, plain
from collectors.spool.reserve import Reserve
from collectors.spool.room import Dropped, drop_older, drop_oldest, gap_drafts
from collectors.spool.sqlite_errors import is_damage, is_full, translated
from collectors.spool.streams import Stream, Streams, place_of, sequence_at, share_of, stream_at
from runtime.clock import Clock
from runtime.errors import InfrastructorError
from runtime.sql import Statements, load_statements
from schemas.codec import encode
from schemas.gap import GapReason
from schemas.identity import uuid7
from schemas.refusal import EventRefused

BUSY_S = 5.0

Outcome = tuple[bytes, ...] | InfrastructorError | EventRefused
"""What became of a commit: its events as they will be sent, or why it was not kept."""


def statements() -> Statements:
    """Return the spool's SQL."""
    return load_statements(Path(__file__).parent)


class _Row(NamedTuple):
    """An event that is about to be kept: its place, event time, bytes to send, and bytes to write."""

    place: int
    at_ms: int
    value: bytes
    written: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """An event that waits to be sent."""

    place: int
    topic: str
    subject: str
    value: bytes


@dataclass(frozen=True, slots=True)
class SpoolCounts:
    """What the spool holds: events, bytes on disk, when its oldest event happened (ms since 1970)."""

    events: int
    bytes: int
    oldest_ms: int | None


class SpoolStore:
    """One open file. Raises SpoolCorrupt when it is damaged, SpoolFull, SpoolUnusable for other trouble with it."""

    def __init__(self, path: Path, *, agent: str, clock: Clock, limits: SpoolLimits, sql: Statements) -> None:
        self._agent = agent
        self._clock = clock
        self._limits = limits
        self._sql = sql
        self._reserve = Reserve(path)
        self._owed: dict[int, int] = {}
        self._cap: int | None = None
        self._streams = Streams()
        self.dropped = 0
        """Metric events let go for want of room or for their age, since this object was made."""
        with translated(path):
            self._db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except (ValueError, KeyError, TypeError) as error:
                # An epoch that is no UUID, events of a stream that is not listed: read by SQLite, but no spool.
                self._db.close()
                raise SpoolCorrupt(f"{path}: not what a spool holds ({error!r})", operation="open spool") from error
            except BaseException:
                self._db.close()
                raise
        self._path = path
        self._reserve.keep()

    def _prepare(self) -> None:
        for setting in ("set_page_size", "set_wal", "set_cache", "set_checkpoint", "set_log_limit", "sync_each_commit"):
            self._db.execute(self._sql[setting]).fetchall()
        with self._transaction():
            for table in ("create_identity", "create_streams", "create_events", "create_devices", "create_memory"):
                self._db.execute(self._sql[table])
            found = self._db.execute(self._sql["select_identity"]).fetchone()
            if found is None:
                now_ms = self._clock.now_ms()
                self._db.execute(self._sql["insert_identity"], {"epoch": str(uuid7(now_ms)), "made_at_ms": now_ms})
                found = self._db.execute(self._sql["select_identity"]).fetchone()
        self.epoch = UUID(found[0])
        self._page_bytes = int(self._db.execute(self._sql["page_size"]).fetchone()[0])
        self._load()

    def _load(self) -> None:
        before, self._streams = self._streams, Streams()
        for stream_id, topic, subject, following, acknowledged in self._db.execute(self._sql["select_streams"]):
            self._streams.add(Stream(stream_id, topic, subject, following, acknowledged))
        self._streams.go_on_from(before)
        for stream_id, count, _, _ in self._db.execute(self._sql["select_pending"]):
            self._streams.by_id(stream_id).pending = count
        for stream_id, sequence in self._owed.items():
            stream = self._streams.by_id(stream_id)
            stream.pending -= self._rows_to(stream, sequence)
            stream.acknowledged = sequence
        self._devices: dict[str, str] = dict(self._db.execute(self._sql["select_devices"]).fetchall())

    def close(self) -> None:
        """Close the file; what is kept stays."""
        self._db.close()

    def remembered(self, subject: str) -> str | None:
        """Return what was last told of a device, None when nothing was."""
        return self._devices.get(subject)

    def subjects(self) -> tuple[str, ...]:
        """Return the devices of which something was told and that were not retired."""
        return tuple(self._devices)

    def memory(self, subject: str, collector: str) -> dict[str, bytes]:
        """Return what a collector remembers of a device, by name."""
        with self._guarded():
            return dict(self._db.execute(self._sql["select_memory"], (subject, collector)).fetchall())

    def append(self, commits: Sequence[Commit]) -> list[Outcome]:
        """Keep several looks in one transaction; return what became of each.

        On return all is on the disk. Metrics that waited longest go when there is no room.
        """
        with self._guarded():
            try:
                with self._transaction():
                    return self._append(commits)
            except sqlite3.OperationalError as error:
                if not is_full(error):
                    raise
            self._stop_growing()
            with self._transaction():
                return self._append(commits)

    def _stop_growing(self) -> None:
        """Go on within the file as it is on a full disk: what metrics held becomes free pages, which need no disk."""
        self._load()
        self._reserve.release()
        self._db.execute(self._sql["checkpoint"]).fetchall()
        self._cap = self._path.stat().st_size
        with self._transaction():
            over = self.used_bytes - self._cap
            enough = self._freed(max(over, 0) + self._limits.drop_bytes)
            self._note(drop_oldest(self._db, self._sql, self._streams, enough=enough), "spool_full")

    @property
    def _may_hold(self) -> int:
        """Bytes: the limit, or less when the disk is full."""
        return min(self._limits.max_bytes, self._cap or self._limits.max_bytes)

    def _append(self, commits: Sequence[Commit]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for commit in commits:
            try:
                outcomes.append(self._keep(commit))
            except (EventRefused, SpoolFull) as error:
                outcomes.append(error)
        return outcomes

    def _keep(self, commit: Commit) -> tuple[bytes, ...]:
        rows, following = self._encoded(commit.drafts)
        remembered = sum(len(value) for value in commit.memory.values() if value is not None)
        if self._make_room(remembered + sum(self._on_disk(row.written) for row in rows)):
            # Room was made, with gap events of their own: these are numbered after them.
            rows, following = self._encoded(commit.drafts)
        self._write(rows, following)
        for subject, attributes in commit.devices.items():
            if attributes is None:
                self._db.execute(self._sql["delete_device"], (subject,))
                self._db.execute(self._sql["delete_memory_of_device"], (subject,))
                self._devices.pop(subject, None)
            elif attributes != MENTIONED or subject not in self._devices:
                self._db.execute(self._sql["upsert_device"], (subject, attributes))
                self._devices[subject] = attributes
        for key, memory in commit.memory.items():
            if memory is None:
                self._db.execute(self._sql["delete_memory"], key)
            else:
                self._db.execute(self._sql["upsert_memory"], (*key, memory))
        return tuple(row.value for row in rows)

    def _encoded(self, drafts: Iterable[Draft]) -> tuple[list[_Row], dict[int, int]]:
        """Return rows of the events, and the next sequence of each stream they belong to."""
        following: dict[int, int] = {}
        rows: list[_Row] = []
        for draft in drafts:
            stream = self._streams.named(draft.topic, draft.subject)
            sequence = following.get(stream.id, stream.next)
            value = encode(draft.numbered(agent=self._agent, epoch=self.epoch, sequence=sequence))
            at_ms = int(draft.time.timestamp() * 1000)
            rows.append(_Row(place_of(stream.id, sequence), at_ms, value, packed(value)))
            following[stream.id] = sequence + 1
        return rows, following

    def _write(self, rows: list[_Row], following: dict[int, int]) -> None:
        self._db.executemany(self._sql["insert_event"], ((row.place, row.at_ms, row.written) for row in rows))
        for stream_id, sequence in following.items():
            stream = self._streams.by_id(stream_id)
            stream.pending += sequence - stream.next
            stream.next = sequence
            self._save(stream)

    def _save(self, stream: Stream) -> None:
        self._db.execute(
            self._sql["upsert_stream"], (stream.id, stream.topic, stream.subject, stream.next, stream.acknowledged)
        )

    @property
    def used_bytes(self) -> int:
        """Bytes of the file that hold something."""
        pages = int(self._db.execute(self._sql["page_count"]).fetchone()[0])
        free = int(self._db.execute(self._sql["free_pages"]).fetchone()[0])
        return (pages - free) * self._page_bytes

    def _make_room(self, need: int) -> bool:
        """Drop metrics when `need` bytes do not fit; tell whether any went. Raises SpoolFull when that did not do."""
        over = self.used_bytes + need - self._may_hold
        if need == 0 or over <= 0:
            return False
        self._note(drop_oldest(self._db, self._sql, self._streams, enough=self._freed(over)), "spool_full")
        if self.used_bytes + need > self._may_hold:
            raise SpoolFull(
                f"{self._path} holds {self.used_bytes} of {self._may_hold} bytes and no metrics to drop: "
                "is Kafka reachable? Else allow more with INFRASTRUCTOR_AGENT__SPOOL_BYTES",
                operation="keep events",
            )
        return True

    def _on_disk(self, value: bytes) -> int:
        """Return the bytes of whole pages that a value may take."""
        return (len(value) // self._page_bytes + 1) * self._page_bytes

    def _freed(self, over: int) -> Callable[[], bool]:
        goal = self.used_bytes - max(over, self._limits.drop_bytes)
        return lambda: self.used_bytes <= goal

    def _note(self, dropped: Iterable[Dropped], reason: GapReason) -> None:
        """Count what was dropped, and keep a gap event for each range."""
        gone = list(dropped)
        self.dropped += sum(one.count for one in gone)
        rows, following = self._encoded(gap_drafts(gone, reason=reason, scope=str(self.epoch), clock=self._clock))
        self._write(rows, following)

    def has_room(self) -> bool:
        """Tell whether collecting may go on: there is room, or metrics that can make some."""
        with self._guarded():
            droppable = any(stream.droppable for stream in self._streams)
            return droppable or self.used_bytes <= self._may_hold - self._limits.drop_bytes

    def trim(self) -> None:
        """Let metrics go that waited longer than they may."""
        cutoff_ms = self._clock.now_ms() - int(self._limits.max_metrics_age.total_seconds() * 1000)
        with self._guarded(), self._transaction():
            self._note(drop_older(self._db, self._sql, self._streams, cutoff_ms=cutoff_ms), "spool_age")
        if self._reserve.keep():
            self._cap = None

    def note_lost(self, drafts: Sequence[Draft]) -> None:
        """Keep the gap events of a file that was set aside."""
        with self._guarded(), self._transaction():
            self._write(*self._encoded(drafts))

    def take(self, *, max_events: int, max_bytes: int) -> list[Kept]:
        """Return the next events of the streams that wait, each in sequence, equal shares, going on where it ended.

        What is taken is under way until `settle`: it is not dropped meanwhile, and the next `take` goes on after it.
        At least one event when any waits.
        """
        with self._guarded():
            streams = self._streams.in_turn()
            share = share_of(max_events, len(streams))
            taken: list[Kept] = []
            size = 0
            for stream in streams:
                for place, written in self._db.execute(self._sql["select_next"], (*stream.untaken, share)):
                    value = plain(written)
                    size += len(value)
                    if taken and (size > max_bytes or len(taken) >= max_events):
                        return taken
                    taken.append(Kept(place, stream.topic, stream.subject, value))
                    self._streams.took(stream, sequence_at(place))
            return taken

    @property
    def waits(self) -> bool:
        """Whether there may be more to take."""
        return any(stream.waits for stream in self._streams)

    def settle(self, taken: Sequence[Kept], acknowledged: frozenset[int]) -> int:
        """End what `take` began: events at `acknowledged` places go, the others wait again. Return how many went.

        An event goes only when all before it in its stream went: one that was overtaken would never be read. Of what
        was taken in turns, the last ends first when not all went. May be called again when it failed.
        """
        upto: dict[int, int] = {}
        held: set[int] = set()
        gone = 0
        for kept in taken:
            stream_id = stream_at(kept.place)
            if kept.place in acknowledged and stream_id not in held:
                upto[stream_id] = sequence_at(kept.place)
                gone += 1
            elif stream_id not in held:
                held.add(stream_id)
                self._streams.by_id(stream_id).taken = sequence_at(kept.place) - 1
        with self._guarded():
            self._owed |= upto
            if self._owed:
                self._pay()
        return gone

    def _pay(self) -> None:
        """Delete what was acknowledged. A full disk may not let it: it is not sent again, and deleted later."""
        self._db.execute(self._sql["sync_with_next"])
        try:
            for last in (False, True):
                try:
                    with self._transaction():
                        for stream_id, sequence in self._owed.items():
                            self._delete_to(self._streams.by_id(stream_id), sequence)
                except sqlite3.OperationalError as error:
                    if not is_full(error):
                        raise
                    self._load()
                    if last or not self._reserve.release():
                        return
                else:
                    self._owed.clear()
                    return
        finally:
            self._db.execute(self._sql["sync_each_commit"])

    def _delete_to(self, stream: Stream, sequence: int) -> None:
        known = place_of(stream.id, stream.acknowledged)
        # Rows up to `known` are left over from when the disk was full: they are not counted as waiting any more.
        self._db.execute(self._sql["delete_range"], (place_of(stream.id, 1), known))
        gone = self._db.execute(self._sql["delete_range"], (known + 1, place_of(stream.id, sequence)))
        stream.pending -= gone.rowcount
        stream.acknowledged = sequence
        self._save(stream)

    def _rows_to(self, stream: Stream, sequence: int) -> int:
        bounds = place_of(stream.id, 1), place_of(stream.id, sequence)
        return int(self._db.execute(self._sql["count_range"], bounds).fetchone()[0])

    def counts(self) -> SpoolCounts:
        """Return what the spool holds."""
        with self._guarded():
            heads = [
                row[1]
                for stream in self._streams
                if stream.pending
                for row in self._db.execute(self._sql["select_heads"], (*stream.bounds, 1)).fetchall()
            ]
            events = sum(stream.pending for stream in self._streams)
            return SpoolCounts(events, self.used_bytes, min(heads, default=None))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        dropped = self.dropped
        self._db.execute(self._sql["begin"])
        try:
            yield
            self._db.execute(self._sql["commit"])
        except BaseException:
            self.dropped = dropped
            if self._db.in_transaction:
                self._db.execute(self._sql["rollback"])
            raise

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Translate errors; what is in memory is read again when a transaction did not come about."""
        with translated(self._path):
            try:
                yield
            except sqlite3.Error as error:
                if not is_damage(error):
                    self._load()
                raise
