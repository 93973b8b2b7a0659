"""Containers: created, started, stopped, restarted, out of memory, healthy, unhealthy, another image, removed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from schemas.container import (
    Container,
    ContainerHappening,
    ContainerObservedData,
    ContainerStatus,
    ContainerStatusChanged,
    Engine,
)
from schemas.container import ContainerStatusData as Data
from streams.entity_status.change import (
    TOO_MANY,
    Change,
    Compared,
    Facts,
    Sight,
    admitted,
    differing,
    entity_name,
    facts,
    gone,
    plural,
)
from streams.entity_status.rises import risen_by, total, within
from streams.entity_status.state import MOST_CONTAINERS, KnownContainer

_UP = frozenset({"running", "unhealthy", "paused", "restarting"})
_NOT_YET = frozenset({"created", "configured", "initialized"})
_ASKED = frozenset({0, 130, 143})
"""Exit codes of what ended by itself or was asked to (SIGINT, SIGTERM)."""

_ENDS = {
    125: "the engine could not run it",
    126: "its command could not be run",
    127: "its command was not found",
    134: "it aborted",
    137: "it was killed",
    139: "it crashed",
    143: "it was asked to end",
}
"""What exit codes mean: 128 and the signal's number, and those of docker-run(1)."""


@dataclass(frozen=True, slots=True)
class _Happening:
    what: ContainerHappening
    summary: str
    since: datetime | None = None


def entity_of(container: Container) -> str:
    """Its name, or `project/service/name` in a compose project."""
    if container.compose_project and container.compose_service:
        return f"{container.compose_project}/{container.compose_service}/{container.name}"
    return container.name


def compare_containers(
    known: Mapping[str, KnownContainer], data: ContainerObservedData, sight: Sight
) -> Compared[dict[str, KnownContainer]]:
    """What happened to the containers of one engine between two looks."""
    seen, all_there = admitted(
        ((entity_of(one), one) for one in data.containers), known, most=MOST_CONTAINERS, wrong=_looks_wrong
    )
    after = dict(known)
    changes: list[Change] = []
    for entity, container in seen:
        before = known.get(entity)
        after[entity] = _after(before, container, sight)
        changes += _changes(entity, container, before, after=after[entity], engine=data.engine, sight=sight)
    for entity in gone(known, (entity_of(one) for one in data.containers), complete=data.complete):
        changes.append(_removed(entity, after.pop(entity), engine=data.engine, sight=sight))
    return Compared(after, tuple(changes), () if all_there else (TOO_MANY,))


def _looks_wrong(container: Container) -> bool:
    return container.health == "unhealthy" or container.state == "restarting"


def _short(identity: str | None) -> str:
    return (identity or "").removeprefix("sha256:")[:16]


def _after(before: KnownContainer | None, container: Container, sight: Sight) -> KnownContainer:
    same = before is not None and before.id == _short(container.id)
    by = risen_by(before.restarts, container.restart_count) if before is not None and same else 0
    rises = within(
        before.rises if before is not None and same else (),
        by=by,
        at=sight.at,
        seconds=sight.policy.restart_loop_seconds,
    )
    looping = total(rises) >= sight.policy.restart_loop_restarts
    return KnownContainer(
        _status(container, before, looping=looping),
        _short(container.id),
        _short(container.image_id),
        container.image,
        container.started_at,
        container.restart_count,
        bool(container.out_of_memory_killed),
        rises,
    )


def _status(container: Container, before: KnownContainer | None, *, looping: bool) -> ContainerStatus:
    match container.state:
        case "running" | "stopping":
            if container.health == "unhealthy":
                return "unhealthy"
            return "restarting" if looping else "running"
        case "paused" | "restarting":
            return container.state
        case state if state in _NOT_YET:
            return "failed" if container.error else "created"
        case "unknown":
            return before.status if before else "stopped"
        case _:
            failed = container.out_of_memory_killed or (container.exit_code or 0) not in _ASKED
            return "failed" if failed else "stopped"


def _changes(
    entity: str,
    container: Container,
    before: KnownContainer | None,
    *,
    after: KnownContainer,
    engine: Engine,
    sight: Sight,
) -> Iterator[Change]:
    earlier = {} if before is None else _facts_known(before)
    was, now = differing(earlier, _facts_known(after) | facts(state=container.state, exit_code=container.exit_code))
    for one in _happened(before, container, after, sight=sight):
        data = Data(
            entity=entity_name(entity),
            what=one.what,
            previous=before.status if before else None,
            status=after.status,
            before=was,
            after=now,
            summary=one.summary,
            since=sight.since(one.since),
            evidence=sight.evidence,
            engine=engine,
            image=container.image,
            exit_code=container.exit_code,
        )
        yield Change(ContainerStatusChanged, data, (engine, entity))


def _facts_known(known: KnownContainer) -> Facts:
    return facts(
        status=known.status,
        id=known.id or None,
        image=known.image,
        image_id=known.image_id or None,
        restart_count=known.restarts,
        started_at=known.started_at.isoformat() if known.started_at else None,
    )


def _happened(
    before: KnownContainer | None, container: Container, after: KnownContainer, *, sight: Sight
) -> Iterator[_Happening]:
    name = container.name
    if before is None:
        if sight.settled:
            yield _Happening("created", f"{name} was created, and is {after.status}", container.created_at)
        yield from _wrong(None, container, after)
    elif before.id and after.id and before.id != after.id:
        if _other_image(before, after):
            summary = f"{name} was made anew from {after.image}{_instead(before, after)}, and is {after.status}"
            yield _Happening("image_changed", summary, container.created_at)
        else:
            yield _Happening("created", f"{name} was made anew, and is {after.status}", container.created_at)
        yield from _wrong(before, container, after)
    else:
        yield from _moved(before, container, after)
        yield from _health(before, container, after)


def _other_image(before: KnownContainer, after: KnownContainer) -> bool:
    if before.image_id and after.image_id:
        return before.image_id != after.image_id
    return before.image != after.image


def _instead(before: KnownContainer, after: KnownContainer) -> str:
    if before.image == after.image:
        return " (a newer image of that name)"
    return f" instead of {before.image}"


def _wrong(before: KnownContainer | None, container: Container, after: KnownContainer) -> Iterator[_Happening]:
    """What is wrong with a container that was not there before: told once."""
    if before is not None and before.status == after.status:
        return
    name = container.name
    match after.status:
        case "unhealthy":
            yield _unhealthy(container)
        case "restarting":
            yield _Happening("restarted", f"{name} keeps restarting{_ending(container)}", container.started_at)
        case "failed" if after.out_of_memory:
            yield _Happening("out_of_memory", f"{name} ended for want of memory", container.finished_at)
        case "failed":
            yield _Happening("stopped", f"{name} does not run: it ended{_ending(container)}", container.finished_at)
        case "created" | "running" | "paused" | "stopped" | "removed":
            return
        case _:
            assert_never(after.status)


def _moved(before: KnownContainer, container: Container, after: KnownContainer) -> Iterator[_Happening]:
    """Started, stopped, restarted, paused."""
    name, began, ended = container.name, container.started_at, container.finished_at
    was_up, is_up = before.status in _UP, after.status in _UP
    if after.out_of_memory and not before.out_of_memory:
        yield _Happening("out_of_memory", f"{name} was ended for want of memory{_ending(container)}", ended)
    elif was_up and not is_up:
        yield _Happening("stopped", f"{name} stopped{_ending(container)}", ended)
    elif is_up and not was_up:
        yield _Happening("started", f"{name} was started", began)
    elif not is_up:
        if after.status != before.status or after.started_at != before.started_at:
            # It ran in between, or ended otherwise.
            yield _Happening("stopped", f"{name} ran and stopped again{_ending(container)}", ended)
    elif "paused" in (before.status, after.status):
        if before.status != after.status:
            paused = after.status == "paused"
            yield _Happening("paused" if paused else "unpaused", f"{name} was {'paused' if paused else 'continued'}")
    elif after.status == "restarting" != before.status:
        yield _Happening("restarted", _looping(container, after), began)
    elif before.status == "restarting" != after.status:
        yield _Happening("started", f"{name} runs, and no longer restarts", began)
    elif after.status != "restarting" and _restarted(before, after):
        yield _Happening("restarted", f"{name} was restarted{_ending(container)}", began)


def _looping(container: Container, after: KnownContainer) -> str:
    times = total(after.rises)
    many = f": {plural(times, 'time')} in a short while" if times > 1 else ""
    return f"{container.name} {'keeps restarting' if times > 1 else 'restarts'}{many}{_ending(container)}"


def _restarted(before: KnownContainer, after: KnownContainer) -> bool:
    if risen_by(before.restarts, after.restarts):
        return True
    return before.started_at is not None and after.started_at is not None and before.started_at < after.started_at


def _health(before: KnownContainer, container: Container, after: KnownContainer) -> Iterator[_Happening]:
    if after.status == "unhealthy" != before.status:
        yield _unhealthy(container)
    elif before.status == "unhealthy" and after.status == "running" and container.health == "healthy":
        yield _Happening("healthy", f"{container.name} is healthy again")


def _unhealthy(container: Container) -> _Happening:
    streak = container.failing_streak
    checks = f": {plural(streak, 'health check')} failed in a row" if streak else ""
    return _Happening("unhealthy", f"{container.name} is unhealthy{checks}")


def _ending(container: Container) -> str:
    """How it ended, for the end of a sentence."""
    code = container.exit_code
    if code is None:
        return ""
    return f" with exit code {code}" + (f": {_ENDS[code]}" if code in _ENDS else "")


def _removed(entity: str, before: KnownContainer, *, engine: Engine, sight: Sight) -> Change:
    data = Data(
        entity=entity_name(entity),
        what="removed",
        previous=before.status,
        status="removed",
        before=facts(status=before.status, image=before.image),
        after=facts(status="removed"),
        summary=f"{entity.rsplit('/', 1)[-1]} was removed",
        since=sight.at,
        evidence=sight.evidence,
        engine=engine,
        image=before.image,
    )
    return Change(ContainerStatusChanged, data, (engine, entity))
