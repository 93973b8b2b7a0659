"""The file of rules: put into each owned partition that does not have it yet, at start and whenever it changes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.clock import Clock
from runtime.errors import InputInvalid
from runtime.kafka.outgoing import outgoing
from runtime.kafka.producer import Outgoing
from runtime.log import get_logger
from runtime.process import Stop
from schemas.rules import RulesKind, RulesLoaded, RulesLoadedData
from streams.alerts.rules import load_rules
from streams.documents import document_hash, rules_id
from streams.worker.owned import Owned, Ownership
from streams.worker.writing import PatientSender

KIND: RulesKind = "alert_rules"


@dataclass(frozen=True, slots=True)
class Book:
    """A valid set of rules as it stands in the file."""

    revision: int
    digest: str
    document: dict[str, Any]


def read_book(path: Path) -> Book:
    """The rules in a file. Raises InputInvalid."""
    rules, document = load_rules(path)
    return Book(rules.revision, document_hash(document), document)


class Rulebook:
    """Watches the file by its time of change and size. A file that is wrong is told of, and the last good one stays."""

    def __init__(self, path: Path, ownership: Ownership, *, sender: PatientSender, clock: Clock, poll_s: float) -> None:
        """Read the file. Raises InputInvalid."""
        self._path = path
        self._ownership = ownership
        self._sender = sender
        self._clock = clock
        self._poll_s = poll_s
        self._seen = self._stamp()
        self._book = read_book(path)
        self._put: set[tuple[int, str, int, str]] = set()
        self._complained: set[tuple[int, str, str]] = set()
        self._log = get_logger("streams")

    async def run(self, stop: Stop) -> None:
        """Watch until asked to stop. Raises SendFailed."""
        while True:
            self._look()
            await self.put()
            if await stop.wait(self._poll_s):
                return

    async def put(self) -> None:
        """Put the rules into each partition that is ours and lacks them."""
        wanting = [one for one in self._ownership if self._wants(one)]
        await self._sender.send([self._loaded(one) for one in wanting])
        self._put |= {self._key(one) for one in wanting}
        if wanting:
            self._log.info("rules put", revision=self._book.revision, partitions=len(wanting))

    def _wants(self, owned: Owned) -> bool:
        if owned.derivation.rules_kind != KIND or self._key(owned) in self._put:
            return False
        in_force = owned.fold.rules
        if in_force is None or in_force.revision < self._book.revision:
            return True
        if in_force.digest != self._book.digest:
            self._complain(in_force.revision)
        return False

    def _key(self, owned: Owned) -> tuple[int, str, int, str]:
        return (self._ownership.generation, owned.topic, owned.partition, self._book.digest)

    def _complain(self, revision: int) -> None:
        """Say once that the file is not put, and why."""
        newer = revision > self._book.revision
        kind = "older" if newer else "clash"
        if (key := (revision, self._book.digest, kind)) in self._complained:
            return
        self._complained.add(key)
        if newer:
            self._log.warning(
                "rules not put: the log has a newer revision", file=self._book.revision, in_force=revision
            )
        else:
            self._log.error(
                "rules refused: this revision is in force with another content; raise `revision` in the file",
                revision=revision,
                file=str(self._path),
            )

    def _look(self) -> None:
        """Read the file again when it changed."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._book = read_book(self._path)
        except InputInvalid as error:
            self._log.error("rules stay as they were", why=error.message, revision=self._book.revision)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size)

    def _loaded(self, owned: Owned) -> Outgoing:
        book = self._book
        event = RulesLoaded(
            id=rules_id(KIND, book.revision, book.digest, topic=owned.topic, partition=owned.partition),
            source="/streams/rules",
            subject=f"_partition-{owned.partition}",
            time=self._clock.now(),
            data=RulesLoadedData(kind=KIND, revision=book.revision, hash=book.digest, document=book.document),
        )
        return outgoing(event, owned.topic, sent_ms=self._clock.now_ms(), partition=owned.partition)
