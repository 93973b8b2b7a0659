"""A proxy configuration out of its text: servers, their names and locations, where they lead, behind which login."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from collectors.config_files import (
    Configurations,
    Understand,
    Understood,
    Wanted,
    bounded,
    covering,
    distinct,
    is_of_files,
    read_all,
    read_alone,
)
from collectors.proxy_configs.logins import Logins, logins_of
from collectors.proxy_configs.masking import masked_words, rendered
from collectors.proxy_configs.statements import Statement, directives, read_statements, read_words, walk
from collectors.proxy_configs.upstreams import Upstream, Variables, groups, resolved, upstream_of, variables

KIND = "proxy"
_TEMPLATE = re.compile(r"^## *Version (\d{4})/(\d{2})/(\d{2})\b", re.MULTILINE)
_SWAG = re.compile(r"(?P<app>.+)\.(?P<form>subdomain|subfolder)\.conf(?:\..+)?")
_ENDING = re.compile(r"\.conf(?:\..+)?$")
_MODIFIERS = frozenset({"=", "~", "~*", "^~"})


@dataclass(frozen=True, slots=True)
class _Scope:
    """What counts within a block: variables and logins from outside it, servers of upstreams by name."""

    variables: Variables
    logins: Logins
    groups: Mapping[str, list[str]]


def parse(text: str, *, patterns: tuple[str, ...] = (), meaning: Understand | None = None) -> Configurations:
    """Read the files of a look, or one bare configuration. ParseError when the bare one is none.

    With `patterns`, files that they do not name were not asked for, and are none.
    """
    meaning = meaning or bounded(understood)
    if is_of_files(text):
        wanted = _asked_for(patterns) if patterns else None
        return Configurations(KIND, read_all(text, meaning, kind=KIND, enabled=is_enabled, wanted=wanted), patterns)
    return Configurations(KIND, (read_alone(text, meaning, kind=KIND),))


def _asked_for(patterns: tuple[str, ...]) -> Wanted:
    covered = covering(patterns)
    return lambda path: covered.fullmatch(path) is not None


def is_enabled(path: str) -> bool:
    """Tell whether a file is one that nginx reads: `x.conf` is, `x.conf.sample` and what is in sites-available not."""
    name = PurePosixPath(path).name
    return ".conf." not in name and not name.endswith((".sample", ".disabled", "~")) and "/sites-available/" not in path


def understood(path: str, text: str) -> Understood:
    """Return what a configuration means; ParseError with the line when it is none."""
    section = path[:200]
    words = read_words(text, section=section)
    words = masked_words(words, read_statements(words, section=section), section=section)
    content = content_of(read_statements(words, section=section))
    name = PurePosixPath(path).name
    swag = _SWAG.fullmatch(name)
    template = _TEMPLATE.search(text)
    facts: dict[str, Any] = {}
    if swag is not None:
        facts["form"] = swag["form"]
    if template is not None:
        facts["template"] = "-".join(template.groups())
    app = swag["app"] if swag is not None else _ENDING.sub("", name)
    return Understood(rendered(words, text), {**facts, **content}, app if path.startswith("/") else None)


def content_of(statements: list[Statement]) -> dict[str, Any]:
    """Return what was parsed, as an event has it."""
    scope = _Scope(variables(statements, {}), logins_of(statements, Logins()), groups(statements))
    servers = [_server(one.block, scope) for one in walk(statements) if one.name == "server" and one.block is not None]
    locations = _locations(statements, scope)
    everywhere = [*locations, *(location for server in servers for location in server.get("locations", ()))]
    found: dict[str, Any] = {
        "server_names": distinct(name for server in servers for name in server.get("names", ())),
        "upstreams": _distinct_upstreams(everywhere),
        "auth": sorted({login for location in everywhere for login in location.get("auth", ())}),
        "servers": servers,
        "locations": locations,
    }
    return {key: value for key, value in found.items() if value}


def _server(block: list[Statement], outer: _Scope) -> dict[str, Any]:
    scope = _within(block, outer)
    listens = [" ".join(one.args) for one in directives(block, "listen")]
    found: dict[str, Any] = {
        "names": [name for one in directives(block, "server_name") for name in one.args],
        "listen": listens,
        "auth": scope.logins.names,
        "includes": [one.args[0] for one in directives(block, "include") if one.args],
        "return": _returned(block, scope.variables),
        "locations": _locations(block, scope),
    }
    return {key: value for key, value in found.items() if value}


def _locations(block: Iterable[Statement], scope: _Scope) -> list[dict[str, Any]]:
    return [location for one in directives(block, "location") for location in _location(one, scope)]


def _location(statement: Statement, outer: _Scope) -> Iterator[dict[str, Any]]:
    """Yield a location, and the locations in it."""
    block = statement.block or []
    scope = _within(block, outer)
    upstream = upstream_of(block, scope.variables)
    modifier = statement.args[0] if statement.args and statement.args[0] in _MODIFIERS else None
    found: dict[str, Any] = {
        "match": " ".join(statement.args[1:] if modifier else statement.args),
        "modifier": modifier,
        "upstream": upstream.told(scope.groups) if upstream is not None else None,
        "auth": scope.logins.names,
        "return": _returned(block, scope.variables),
        "internal": any(directives(block, "internal")),
    }
    yield {key: value for key, value in found.items() if value}
    # Variables that the location around it sets are not set when a request ends in this one.
    yield from _locations(block, _Scope(outer.variables, scope.logins, scope.groups))


def _within(block: list[Statement], outer: _Scope) -> _Scope:
    return _Scope(variables(block, outer.variables), logins_of(block, outer.logins), outer.groups)


def _returned(block: Iterable[Statement], known: Variables) -> str | None:
    return next((resolved(" ".join(one.args), known)[:1024] for one in directives(block, "return")), None)


def _distinct_upstreams(locations: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[Upstream, dict[str, Any]] = {}
    for location in locations:
        told = location.get("upstream")
        if told is not None:
            key = Upstream(told["app"], told.get("port"), told["protocol"])
            found.setdefault(key, {name: part for name, part in told.items() if name != "path"})
    return list(found.values())
