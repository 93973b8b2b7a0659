"""Configuration files: appeared, changed (and in what), enabled, disabled, removed."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import assert_never
from uuid import UUID

from schemas.config import ConfigChanged, ConfigChangedData, ConfigHappening, ConfigObservedData, ConfigStatus
from streams.entity_status.change import MOST_NAME, TOO_MANY, Change, Compared, Facts, Sight, facts, plural
from streams.entity_status.document import differences, remembered, spoken
from streams.entity_status.state import MOST_FILES, MOST_VALUES_OF_ALL, KnownFile

MOST_DIFFERENCES = 50
MOST_DIFF_BYTES = 400_000
"""Of what the collector tells as the difference of the text: an event has 1 MiB."""


@dataclass(frozen=True, slots=True)
class _Happening:
    what: ConfigHappening
    summary: str
    before: Facts
    after: Facts


def compare_config(
    known: Mapping[str, KnownFile],
    data: ConfigObservedData,
    sight: Sight,
    *,
    run: UUID | None,
    first_run: UUID | None,
) -> Compared[dict[str, KnownFile]]:
    """What happened to one file.

    Files come one by one: those of the first collection run of their kind (`first_run`) are not new, just unseen.
    """
    before = known.get(data.path)
    after = dict(known)
    if data.content_hash is None:
        gone = after.pop(data.path, None)
        return Compared(after, () if gone is None else (_change(gone, None, data, sight=sight),))
    if before is None and len(known) >= MOST_FILES:
        return Compared(after, notes=(TOO_MANY,))
    after[data.path] = file = _after(known, data, data.content_hash)
    if before is None:
        is_new = run is not None and first_run is not None and run != first_run
        return Compared(after, (_change(None, file, data, sight=sight),) if is_new else ())
    if before.digest == file.digest and before.status == file.status:
        return Compared(after)
    return Compared(after, (_change(before, file, data, sight=sight),))


def _after(known: Mapping[str, KnownFile], data: ConfigObservedData, digest: str) -> KnownFile:
    others = sum(len(one.values or ()) for path, one in known.items() if path != data.path)
    values = remembered(data.content)
    if values is not None and others + len(values) > MOST_VALUES_OF_ALL:
        values = None
    status: ConfigStatus = "disabled" if data.enabled is False else "present"
    return KnownFile(status, digest, values)


def _change(before: KnownFile | None, after: KnownFile | None, data: ConfigObservedData, *, sight: Sight) -> Change:
    found = differences(before.values, after.values) if before and after else None
    one = _happened(before, after, data, spoken([*(found or ())], kind=data.kind))
    notes = (
        []
        if before is None or after is None
        else _notes(before, after, data, count=None if found is None else len(found))
    )
    diff = data.diff
    if diff is not None and len(diff.encode()) > MOST_DIFF_BYTES:
        diff = diff.encode()[:MOST_DIFF_BYTES].decode(errors="ignore")
        notes.append("the difference of the text is cut")
    told = ConfigChangedData(
        entity=_entity(data.path),
        what=one.what,
        previous=before.status if before else None,
        status=after.status if after else "removed",
        before=one.before,
        after=one.after,
        summary=one.summary,
        since=sight.since(data.modified_at),
        evidence=sight.evidence,
        kind=data.kind,
        path=data.path,
        previous_hash=before.digest if before else None,
        content_hash=after.digest if after else None,
        differences=tuple(found or ())[:MOST_DIFFERENCES],
        diff=diff,
        note="; ".join(notes) or None,
    )
    return Change(ConfigChanged, told, (data.path,))


def _entity(path: str) -> str:
    """The path, shortened from the front when it is too long."""
    return path if len(path) <= MOST_NAME else f"{sha256(path.encode()).hexdigest()[:8]}…{path[-(MOST_NAME - 9) :]}"


def _happened(before: KnownFile | None, after: KnownFile | None, data: ConfigObservedData, said: str) -> _Happening:
    name = data.name or data.path
    was, now = _facts(before), _facts(after)
    if after is None:
        return _Happening("removed", f"{name} was removed: {data.path} is gone", was, now)
    if before is None:
        return _Happening("appeared", f"{name} appeared: {data.path}", was, now)
    if before.status != after.status:
        changed = f", and changed: {said}" if said else ""
        match after.status:
            case "disabled":
                return _Happening("disabled", f"{name} was disabled{changed}", was, now)
            case "present":
                return _Happening("enabled", f"{name} was enabled{changed}", was, now)
            case "removed":
                return _Happening("removed", f"{name} was removed", was, now)
            case _:
                assert_never(after.status)
    return _Happening("changed", f"{name}: {said}" if said else f"{name} changed: {data.path}", was, now)


def _facts(file: KnownFile | None) -> Facts:
    return facts(status=file.status, content_hash=file.digest) if file else {}


def _notes(before: KnownFile, after: KnownFile, data: ConfigObservedData, *, count: int | None) -> list[str]:
    if before.digest == after.digest:
        return []
    if data.content is None:
        return ["what is in it could not be parsed"]
    if count is None:
        return ["what differs is not listed: it was not remembered what was in it"]
    if not count:
        return ["nothing that is parsed differs: comments, order or white space"]
    more = count - MOST_DIFFERENCES
    return [f"{plural(more, 'more difference is', 'more differences are')} not listed"] if more > 0 else []
