"""The oracle's own fold of the log into the current state and the histories, compared with what the sink's tables say.

Written from the rules in words: what was seen last counts, by event time and then by id; a look that shows everything
ends what it lacks. Works on parsed JSON and SQL alone.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg

from tests.faults.oracle import Seen, events_of, named

At = tuple[datetime, str]
Key = tuple[str, ...]
State = dict[Key, tuple[object, ...]]
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Family:
    """How one kind of look is folded: where its things are, what they are known by, and what is compared of each."""

    name: str
    things: str
    key: str
    scope: str
    compared: tuple[str, ...]
    goes: str | None
    """Which of the compared fields says `gone`; None: the view only has the flag."""
    view: LiteralString


FAMILIES = (
    Family("container", "containers", "name", "engine", ("state", "restart_count"), "state",
           "SELECT device_id, engine, name, state, restart_count, gone, event_id::text FROM containers"),
    Family("drive", "drives", "id", "", ("standby", "power_cycles"), None,
           "SELECT device_id, '', id, standby, power_cycles, gone, event_id::text FROM drives"),
    Family("pool", "pools", "name", "", ("state", "data_errors"), "state",
           "SELECT device_id, '', name, state, data_errors, gone, event_id::text FROM pools"),
    Family("service", "services", "unit", "manager", ("active_state", "restarts"), "active_state",
           "SELECT device_id, manager, unit, active_state, restarts, gone, event_id::text FROM services"),
    Family("network", "interfaces", "name", "", ("state", "received_bytes"), "state",
           "SELECT device_id, '', name, state, received_bytes, gone, event_id::text FROM network_interfaces"),
)  # fmt: skip

PORTS: LiteralString = "SELECT device_id, engine, container, count(*) FROM container_ports GROUP BY 1, 2, 3"
UPDATES: LiteralString = "SELECT device_id, manager, name, available FROM package_updates"
FILES: LiteralString = "SELECT device_id, path, content_hash, event_id::text FROM config_files"
STATUS: LiteralString = "SELECT device_id, status, summary, event_id::text FROM device_status"
THINGS: LiteralString = "SELECT device_id, family, entity, status, summary, event_id::text FROM entity_status"
INVENTORY: LiteralString = "SELECT device_id, kernel, event_id::text, first_seen_at FROM devices"
OUTCOMES: LiteralString = "SELECT notification_id::text, outcome, outcome_event_id::text FROM notifications"

HISTORIES: tuple[tuple[str, tuple[str, ...], LiteralString], ...] = (
    ("collections", ("collection.completed", "collection.failed"), "SELECT event_id::text FROM collections"),
    ("status_changes", ("device.status_changed",), "SELECT event_id::text FROM status_changes"),
    ("entity_changes", ("container.status_changed", "drive.health_changed", "config.changed"),
     "SELECT event_id::text FROM entity_changes"),
    ("config_changes", ("config.changed",), "SELECT event_id::text FROM config_changes"),
    ("alert_transitions", ("alert.raised", "alert.resolved"), "SELECT event_id::text FROM alert_transitions"),
)  # fmt: skip


def entities(live: dict[str, list[Seen]], database: str) -> list[str]:
    """Every current state and every history is what the events of the log make of it, dead letters apart."""
    events = _once(live)
    expected = _expected(events)
    wrong: list[str] = []
    with psycopg.connect(database) as connection:
        for name, (state, view, width) in expected.items():
            rows = connection.execute(view).fetchall()
            stored = {tuple(row[:width]): tuple(row[width:]) for row in rows}
            wrong += _differences(name, state, stored)
            wrong += [] if len(stored) == len(rows) else [f"{name}: {len(rows)} rows for {len(stored)} things"]
        for name, kinds, view in HISTORIES:
            found = [row[0] for row in connection.execute(view)]
            ids = {event["id"] for event in _of(events, *kinds)}
            wrong += named(f"{name}: not there", [i for i in ids if i not in set(found)])
            wrong += named(f"{name}: of no event", [i for i in found if i not in ids])
            wrong += [] if len(found) == len(set(found)) else [f"{name}: {len(found) - len(set(found))} rows too many"]
    return wrong


def _once(live: dict[str, list[Seen]]) -> list[Document]:
    """Each event of the log once; `topic` says where it lay."""
    found: dict[str, Document] = {}
    for one in events_of(live):
        if one.event is not None:
            found.setdefault(one.id, {**one.event, "topic": one.topic})
    return list(found.values())


def _differences(name: str, expected: State, stored: State) -> list[str]:
    return named(
        f"{name}: another current state",
        [
            f"{key}: the log says {expected.get(key)}, stored is {stored.get(key)}"
            for key in sorted(expected.keys() | stored.keys())
            if expected.get(key) != stored.get(key)
        ],
    )


def _expected(events: list[Document]) -> dict[str, tuple[State, LiteralString, int]]:
    """By name: the fold, the statement that reads the same, and how many of its columns are the key."""
    found: dict[str, tuple[State, LiteralString, int]] = {
        family.name: (_things(events, family), family.view, 3) for family in FAMILIES
    }
    found["container ports"] = (_ports(events), PORTS, 3)
    found["package updates"] = (_updates(events), UPDATES, 3)
    newest: tuple[tuple[str, tuple[str, ...], Callable[[Document], Key], tuple[str, ...], LiteralString], ...] = (
        ("config files", ("config.observed",), _file, ("content_hash",), FILES),
        ("device status", ("device.status_changed",), _subject, ("status", "summary"), STATUS),
        ("entity status", HISTORIES[2][1], _entity, ("status", "summary"), THINGS),
    )
    for name, kinds, key, fields, view in newest:
        state = {k: _told(event, fields) for k, event in _newest(_of(events, *kinds), key).items()}
        found[name] = (state, view, len(key({"subject": "", "type": "a.b.c", "data": {"entity": "", "path": ""}})))
    found["inventory"] = (_inventory(events), INVENTORY, 1)
    found["notifications"] = (_outcomes(events), OUTCOMES, 1)
    return found


def _of(events: Iterable[Document], *kinds: str) -> Iterator[Document]:
    types = {f"infrastructor.{kind}.v1" for kind in kinds}
    return (event for event in events if event["type"] in types)


def _at(event: Document) -> At:
    return datetime.fromisoformat(event["time"]), event["id"]


def _subject(event: Document) -> Key:
    return (event["subject"],)


def _file(event: Document) -> Key:
    return (event["subject"], event["data"]["path"])


def _entity(event: Document) -> Key:
    return (event["subject"], event["type"].split(".")[1], event["data"]["entity"])


def _newest(events: Iterable[Document], key: Callable[[Document], Key]) -> dict[Key, Document]:
    found: dict[Key, Document] = {}
    for event in events:
        known = found.get(key(event))
        if known is None or _at(event) > _at(known):
            found[key(event)] = event
    return found


def _told(event: Document, fields: tuple[str, ...]) -> tuple[object, ...]:
    return (*(event["data"].get(field) for field in fields), event["id"])


def _sightings(events: Iterable[Document], family: Family) -> dict[Key, tuple[At, Document, bool]]:
    """The newest sighting of each thing, and whether a newer look at everything lacks it."""
    last: dict[Key, tuple[At, Document]] = {}
    whole: dict[Key, At] = {}
    for event in _of(events, f"{family.name}.observed"):
        data = event["data"]
        scope = (event["subject"], data.get(family.scope, ""))
        if data["complete"]:
            whole[scope] = max(whole.get(scope, _at(event)), _at(event))
        for thing in data[family.things]:
            key = (*scope, thing[family.key])
            if key not in last or last[key][0] < _at(event):
                last[key] = (_at(event), thing)
    return {key: (at, thing, key[:2] in whole and whole[key[:2]] > at) for key, (at, thing) in last.items()}


def _things(events: Iterable[Document], family: Family) -> State:
    found: State = {}
    for key, (at, thing, gone) in _sightings(events, family).items():
        shown = {**thing, family.goes: "gone"} if gone and family.goes is not None else thing
        found[key] = (*(shown.get(field) for field in family.compared), gone, at[1])
    return found


def _ports(events: Iterable[Document]) -> State:
    seen = _sightings(events, FAMILIES[0])
    return {key: (len(thing["ports"]),) for key, (_, thing, gone) in seen.items() if thing["ports"] and not gone}


def _updates(events: Iterable[Document]) -> State:
    looks = _newest(_of(events, "packages.observed"), lambda event: (event["subject"], str(event["data"]["manager"])))
    return {(*key, u["name"]): (u["available"],) for key, look in looks.items() for u in look["data"]["updates"]}


def _inventory(events: Iterable[Document]) -> State:
    told = [e for e in _of(events, "device.registered", "device.updated") if e["topic"] != "infra.metrics"]
    first: dict[Key, datetime] = {}
    for event in told:
        first[_subject(event)] = min(first.get(_subject(event), _at(event)[0]), _at(event)[0])
    return {key: (*_told(event, ("kernel",)), first[key]) for key, event in _newest(told, _subject).items()}


def _outcomes(events: Iterable[Document]) -> State:
    found: State = {(event["id"],): (None, None) for event in _of(events, "notification.requested")}
    for event in _of(events, "notification.delivered", "notification.suppressed"):
        outcome = event["type"].split(".")[2]
        found[(event["data"]["request_id"],)] = (outcome, event["id"])
    return found
