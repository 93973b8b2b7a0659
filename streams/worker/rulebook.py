"""Rules and policies: put into each owned partition that does not have them yet, at start and whenever they change."""

from collections.abc import Iterator, Sequence
from functools import partial

from runtime.clock import Clock
from runtime.kafka.outgoing import outgoing
from runtime.kafka.producer import Outgoing
from runtime.log import get_logger
from runtime.process import Stop
from schemas.rules import RulesKind, RulesLoaded, RulesLoadedData
from streams.documents import rules_id
from streams.worker.books import Book, BookFile
from streams.worker.owned import Owned, Ownership
from streams.worker.writing import PatientSender

Put = tuple[int, str, int, str]
"""Which ownership of which partition was given which document."""


class Rulebook:
    """Puts what the files hold; `refused` says of which kinds something else is in force, and why."""

    def __init__(
        self, files: Sequence[BookFile], ownership: Ownership, *, sender: PatientSender, clock: Clock, poll_s: float
    ) -> None:
        self._files = files
        self._ownership = ownership
        self._sender = sender
        self._clock = clock
        self._poll_s = poll_s
        self._put: set[Put] = set()
        self._complained: set[tuple[str, int, int]] = set()
        self._log = get_logger("streams")

    @property
    def kinds(self) -> tuple[RulesKind, ...]:
        """What kinds of documents the files hold."""
        return tuple(kind for file in self._files for kind in file.books)

    @property
    def refused(self) -> dict[RulesKind, str]:
        """Why the files are not what partitions are judged by, by kind."""
        found: dict[RulesKind, str] = {}
        for file in self._files:
            for kind, book in file.books.items():
                why = file.wrong or next(filter(None, map(partial(_why_not, file, book), self._of(kind))), None)
                if why is not None:
                    found[kind] = why
        return found

    async def run(self, stop: Stop) -> None:
        """Watch until asked to stop. Raises SendFailed."""
        while True:
            for file in self._files:
                if file.look():
                    self._tell(file)
            await self.put()
            if await stop.wait(self._poll_s):
                return

    async def put(self) -> None:
        """Put each document into the partitions that are ours and lack it."""
        generation = self._ownership.generation
        wanting = [
            (one, book)
            for file in self._files
            for book in file.books.values()
            for one in self._of(book.kind)
            if self._wants(one, book, file)
        ]
        await self._sender.send([self._loaded(one, book) for one, book in wanting])
        self._put |= {_key(generation, one, book) for one, book in wanting}
        for kind, revision in sorted({(book.kind, book.revision) for _, book in wanting}):
            count = sum(book.kind == kind for _, book in wanting)
            self._log.info("rules put", kind=kind, revision=revision, partitions=count)

    def _of(self, kind: RulesKind) -> Iterator[Owned]:
        return (one for one in self._ownership if one.derivation.rules_kind == kind)

    def _wants(self, owned: Owned, book: Book, file: BookFile) -> bool:
        in_force = owned.fold.rules
        if in_force is None or in_force.revision < book.revision:
            return _key(self._ownership.generation, owned, book) not in self._put
        if in_force.digest != book.digest:
            self._complain(file, book, in_force.revision)
        return False

    def _complain(self, file: BookFile, book: Book, in_force: int) -> None:
        """Say once that a document is not put, and why."""
        if (key := (book.digest, book.revision, in_force)) in self._complained:
            return
        self._complained.add(key)
        facts = {"kind": book.kind, "file": str(file.path), "file_revision": book.revision, "in_force": in_force}
        if in_force > book.revision:
            self._log.warning("rules not put: the log has a newer revision", **facts)
        else:
            self._log.error(
                "rules refused: this revision is in force with another content; raise `revision` in the file", **facts
            )

    def _tell(self, file: BookFile) -> None:
        """Say what became of a file that changed."""
        if file.wrong is None:
            return
        in_force = {kind: self._in_force(kind) for kind in file.books}
        self._log.error("rules stay as they were", why=file.wrong, file=str(file.path), in_force=in_force)

    def _in_force(self, kind: RulesKind) -> list[int]:
        """The revisions that our partitions are judged by: one, unless a change is on its way."""
        return sorted({one.fold.rules.revision for one in self._of(kind) if one.fold.rules is not None})

    def _loaded(self, owned: Owned, book: Book) -> Outgoing:
        event = RulesLoaded(
            id=rules_id(book.kind, book.revision, book.digest, topic=owned.topic, partition=owned.partition),
            source="/streams/rules",
            subject=f"_partition-{owned.partition}",
            time=self._clock.now(),
            data=RulesLoadedData(kind=book.kind, revision=book.revision, hash=book.digest, document=book.document),
        )
        return outgoing(event, owned.topic, sent_ms=self._clock.now_ms(), partition=owned.partition)


def _key(generation: int, owned: Owned, book: Book) -> Put:
    return (generation, owned.topic, owned.partition, f"{book.revision}:{book.digest}")


def _why_not(file: BookFile, book: Book, owned: Owned) -> str | None:
    in_force = owned.fold.rules
    if in_force is None or in_force.revision < book.revision or in_force.digest == book.digest:
        return None
    if in_force.revision > book.revision:
        return f"{file.path} has revision {book.revision}, revision {in_force.revision} is in force"
    return f"{file.path}: revision {book.revision} is in force with another content; raise `revision`"
