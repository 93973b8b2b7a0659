"""What each role may do with a table, view or rollup: derived from what the sink's statements do."""

import re
from collections.abc import Mapping
from typing import LiteralString

MAINTAIN_SINCE = 170_000
"""The right to vacuum, analyze and reindex a table of another's exists from PostgreSQL 17 on."""

_SCHEMA_BOOK = "schema_version"
_SETTLED_BY_COMMANDS = frozenset({"retention", "rollups"})
"""Rows are made by commands of the owner; the sink notes in them how far it is."""

_CONTENTS = frozenset({"config_contents"})
"""Texts of configuration files: dashboards show that one changed, not what it says."""

_DELETES = re.compile(r"DELETE FROM (\w+)")


def deleted_from(statements: Mapping[str, LiteralString]) -> frozenset[str]:
    """The tables that a statement of the sink deletes from: retention, things that vanished, what was computed."""
    return frozenset(table for text in statements.values() for table in _DELETES.findall(text))


def wanted(kind: str, relation: str, *, view: bool, deletes: frozenset[str], version: int) -> frozenset[str]:
    """The privileges of a kind of role on a relation, as GRANT names them."""
    match kind:
        case "writer":
            if view or relation == _SCHEMA_BOOK:
                return frozenset({"SELECT"})
            inserts = frozenset() if relation in _SETTLED_BY_COMMANDS else frozenset({"INSERT"})
            return frozenset({"SELECT", "UPDATE"}) | inserts | ({"DELETE"} if relation in deletes else set())
        case "reader":
            return frozenset() if relation in _CONTENTS else frozenset({"SELECT"})
        case "operator":
            keeps = version >= MAINTAIN_SINCE and not view
            return frozenset({"SELECT", "MAINTAIN"}) if keeps else frozenset({"SELECT"})
    raise ValueError(f"{kind!r} is no kind of role with grants")


DEFAULTS: Mapping[str, frozenset[str]] = {
    "writer": frozenset({"SELECT", "INSERT", "UPDATE"}),
    "operator": frozenset({"SELECT"}),
}
"""On tables to come, until roles are applied again. The reader waits: a table may hold what is not for it."""

MEMBER_OF: Mapping[str, frozenset[str]] = {"operator": frozenset({"pg_monitor", "pg_signal_backend"})}
"""Statistics and locks of all sessions, and ending those that hold others up; never a superuser's."""

DATABASE: Mapping[str, frozenset[str]] = {
    # Batches that are merged by key go through temporary tables.
    "writer": frozenset({"CONNECT", "TEMPORARY"}),
    "reader": frozenset({"CONNECT"}),
    "operator": frozenset({"CONNECT"}),
}

SETTINGS: Mapping[str, Mapping[str, str]] = {
    "reader": {"default_transaction_read_only": "on", "statement_timeout": "30s"},
}

CONNECTIONS: Mapping[str, int] = {"reader": 20}
