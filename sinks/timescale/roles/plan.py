"""`db roles apply` as a plan: only what is not so yet, so that applying twice does nothing the second time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from runtime.sql import load_statements
from sinks.timescale import tier
from sinks.timescale.keeping import Plan, Step
from sinks.timescale.roles import rights
from sinks.timescale.roles.settings import KINDS, RoleSettings
from sinks.timescale.roles.verifier import matches
from sinks.timescale.tier import Connection

SQL = load_statements(Path(__file__).with_name("statements"))
GRANTED = ("writer", "reader", "operator")
_EVERYBODY = "PUBLIC"
_MASK = "********"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was found before anything is changed."""

    connection: Connection
    settings: RoleSettings
    database: str
    database_owner: str
    schema: str
    superuser: bool
    version: int

    def rows(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(SQL[statement], parameters or None).fetchall()

    @property
    def names(self) -> list[str]:
        return [self.settings.name(kind) for kind in KINDS]

    def step(
        self, statement: str, why: str, *, shown: Mapping[str, sql.Composable] | None = None, **parts: Any
    ) -> Step:
        """A statement with names put in as identifiers; `shown` are parts that are not for people to see."""
        composed = {name: _part(part) for name, part in parts.items()}
        text = sql.SQL(SQL[statement])
        written = text.format(**composed).as_string(self.connection)
        public = text.format(**{**composed, **shown}).as_string(self.connection) if shown else None
        return Step(written, why, destructive=True, shown=public)


def _part(part: object) -> sql.Composable:
    if isinstance(part, sql.Composable):
        return part
    if isinstance(part, frozenset):
        # Names of privileges: from the catalogue or from `rights`, words of the language both.
        return sql.SQL(", ".join(sorted(part)))
    return sql.SQL("PUBLIC") if part == _EVERYBODY else sql.Identifier(str(part))


def plan_roles(connection: Connection, settings: RoleSettings) -> Plan:
    """What is to be done so that each role exists and may do what it has to, and no more."""
    row = connection.execute(SQL["database"]).fetchone()
    if row is None:
        raise LookupError("there is no schema in use")
    name, owner, schema, _, superuser, version = row
    asked = _Asked(connection, settings, name, owner, schema, superuser, version)
    notes: list[str] = []
    steps = [*_roles(asked, notes), *_database(asked), *_ownership(asked), *_routines(asked), *_relations(asked)]
    steps += _defaults(asked)
    guarded = "this changes who may do what"
    return Plan(name, tier.server(connection).tier, tuple(steps), tuple(notes), guarded=guarded)


def _roles(asked: _Asked, notes: list[str]) -> Iterator[Step]:
    found = {row[0]: row[1:] for row in asked.rows("roles", names=asked.names)}
    kept = _verifiers(asked)
    for kind in KINDS:
        role = asked.settings.name(kind)
        login, above, limit, config = found.get(role, (True, False, -1, []))
        if role not in found:
            yield asked.step("create_role", f"{role}: the {kind}", role=role)
        elif not login or (above and kind != "owner"):
            yield asked.step("tame_role", f"{role}: a login like any other", role=role)
        elif above:
            notes.append(f"{role} owns the tables and is more than an owner needs to be: superuser or the like")
        yield from _password(asked, kind, role, kept=kept, notes=notes, new=role not in found)
        most = rights.CONNECTIONS.get(kind)
        if most is not None and limit != most:
            why = f"{role}: at most {most} connections"
            yield asked.step("limit_connections", why, role=role, limit=sql.Literal(most))
        for setting, value in rights.SETTINGS.get(kind, {}).items():
            if f"{setting}={value}" not in config:
                why = f"{role}: {setting} {value}"
                yield asked.step("set_for_role", why, role=role, setting=setting, value=sql.Literal(value))
    yield from _memberships(asked)


def _verifiers(asked: _Asked) -> dict[str, str | None] | None:
    """What the server keeps of passwords; None when this role may not see it."""
    if not asked.superuser:
        return None
    return dict(asked.rows("verifiers", names=asked.names))


def _password(
    asked: _Asked, kind: str, role: str, *, kept: Mapping[str, str | None] | None, notes: list[str], new: bool
) -> Iterator[Step]:
    password = asked.settings.password(kind)
    if password is None:
        if new:
            variable = asked.settings.variable(f"{kind}_password")
            notes.append(f"{role} has no password: set {variable} or {variable}_FILE, and apply again")
        return
    if kept is None:
        if not new:
            notes.append(f"{role}: only a superuser can tell whether its password is the one of the settings")
            return
    elif matches(password, kept.get(role)):
        return
    verifier = asked.connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    hidden = {"verifier": sql.Literal(_MASK)}
    yield asked.step("set_password", f"{role}: password", shown=hidden, role=role, verifier=sql.Literal(verifier))


def _memberships(asked: _Asked) -> Iterator[Step]:
    found = {(member, of) for member, of in asked.rows("memberships", names=asked.names)}
    for kind in GRANTED:
        role = asked.settings.name(kind)
        wanted = rights.MEMBER_OF.get(kind, frozenset())
        has = {of for member, of in found if member == role}
        for of in sorted(wanted - has):
            yield asked.step("grant_membership", f"{role}: {of}", role=role, of=of)
        for of in sorted(has - wanted):
            yield asked.step("revoke_membership", f"{role}: no member of {of}", role=role, of=of)


def _database(asked: _Asked) -> Iterator[Step]:
    owner, database = asked.settings.owner, asked.database
    if asked.database_owner != owner:
        yield asked.step("own_database", f"{owner}: owns the database", database=database, role=owner)
    found: dict[tuple[str, str], set[str]] = {}
    for on, role, privilege in asked.rows("database_grants"):
        found.setdefault((on, role or _EVERYBODY), set()).add(privilege)
    everybody = frozenset({"CONNECT", "TEMPORARY"} & found.get(("database", _EVERYBODY), set()))
    if everybody:
        why = "the database is not for everybody"
        yield asked.step("revoke_database", why, privileges=everybody, database=database, role=_EVERYBODY)
    if "CREATE" in found.get(("schema", _EVERYBODY), set()):
        why = "not everybody makes tables"
        yield asked.step("revoke_schema", why, privileges=frozenset({"CREATE"}), schema=asked.schema, role=_EVERYBODY)
    if asked.rows("database")[0][3] != owner and "CREATE" not in found.get(("schema", owner), set()):
        privileges = frozenset({"USAGE", "CREATE"})
        yield asked.step(
            "grant_schema", f"{owner}: makes tables", privileges=privileges, schema=asked.schema, role=owner
        )
    for kind in GRANTED:
        role = asked.settings.name(kind)
        has, wanted = frozenset(found.get(("database", role), set())), rights.DATABASE[kind]
        if wanted - has:
            why = f"{role}: the database"
            yield asked.step("grant_database", why, privileges=wanted - has, database=database, role=role)
        if has - wanted:
            why = f"{role}: no more of the database"
            yield asked.step("revoke_database", why, privileges=has - wanted, database=database, role=role)
        uses = frozenset(found.get(("schema", role), set()))
        if "USAGE" not in uses:
            usage = frozenset({"USAGE"})
            yield asked.step("grant_schema", f"{role}: the schema", privileges=usage, schema=asked.schema, role=role)
        if "CREATE" in uses:
            create = frozenset({"CREATE"})
            yield asked.step("revoke_schema", f"{role}: no tables", privileges=create, schema=asked.schema, role=role)


def _ownership(asked: _Asked) -> Iterator[Step]:
    owner = asked.settings.owner
    keepers: dict[str, str] = dict(asked.connection.execute(tier.SQL["keepers_of_rollups"]).fetchall())
    for relation, relkind, owned_by, _ in asked.rows("relations"):
        if owned_by != owner:
            statement = "own_view" if relkind == "v" else "own_table"
            if keepers.get(relation) == "timescaledb":
                statement = "own_rollup"
            yield asked.step(statement, f"{relation}: belongs to {owner}", table=relation, role=owner)


def _routines(asked: _Asked) -> Iterator[Step]:
    owner, writer = asked.settings.owner, asked.settings.writer
    for routine, owned_by, runners in asked.rows("routines"):
        # As the catalogue writes it, name and types quoted where they need be.
        written = sql.SQL(routine)
        if owned_by != owner:
            yield asked.step("own_routine", f"{routine}: belongs to {owner}", routine=written, role=owner)
        if writer not in runners:
            why = f"{writer}: deletes what retention says, chunk by chunk"
            yield asked.step("grant_routine", why, routine=written, role=writer)


def _relations(asked: _Asked) -> Iterator[Step]:
    deletes = rights.deleted_from(tier.SQL)
    for relation, relkind, _, acl in asked.rows("relations"):
        granted = _by_role(acl)
        for kind in GRANTED:
            role, view = asked.settings.name(kind), relkind not in {"r", "p"}
            wanted = rights.wanted(kind, relation, view=view, deletes=deletes, version=asked.version)
            yield from _difference(asked, relation, role, has=granted.get(role, frozenset()), wanted=wanted)


def _difference(
    asked: _Asked, relation: str, role: str, *, has: frozenset[str], wanted: frozenset[str]
) -> Iterator[Step]:
    if wanted - has:
        why = f"{role}: {_words(wanted - has)} on {relation}"
        yield asked.step("grant_table", why, privileges=wanted - has, table=relation, role=role)
    if has - wanted:
        why = f"{role}: not {_words(has - wanted)} on {relation}"
        yield asked.step("revoke_table", why, privileges=has - wanted, table=relation, role=role)


def _defaults(asked: _Asked) -> Iterator[Step]:
    owner = asked.settings.owner
    found = _by_role([row[0] for row in asked.rows("defaults", owner=owner)])
    for kind, wanted in rights.DEFAULTS.items():
        role = asked.settings.name(kind)
        missing = wanted - found.get(role, frozenset())
        if missing:
            why = f"{role}: {_words(missing)} on tables to come"
            yield asked.step("grant_default", why, privileges=missing, owner=owner, schema=asked.schema, role=role)


def _by_role(acl: Iterable[str]) -> dict[str, frozenset[str]]:
    """Items `role=PRIVILEGE`, by role."""
    found: dict[str, frozenset[str]] = {}
    for item in acl:
        role, _, privilege = item.rpartition("=")
        found[role] = found.get(role, frozenset()) | {privilege}
    return found


def _words(privileges: frozenset[str]) -> str:
    return ", ".join(sorted(privileges)).lower()
