"""Where a location leads: `proxy_pass` and its kin, with variables that were set resolved.

Source of the format: ngx_http_proxy_module, ngx_http_grpc_module, ngx_http_fastcgi_module and their kin, proxy_pass;
ngx_http_rewrite_module, set; ngx_http_upstream_module.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from collectors.proxy_configs.statements import Statement, directives, walk

Variables = Mapping[str, str]

_PASSES = {
    "proxy_pass": "http", "grpc_pass": "grpc", "fastcgi_pass": "fastcgi", "uwsgi_pass": "uwsgi", "scgi_pass": "scgi",
    "memcached_pass": "memcached",
}  # fmt: skip
"""Directives that hand a request on, and the protocol that they speak when the address does not say."""

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_ADDRESS = re.compile(
    r"(?:(?P<protocol>[A-Za-z][A-Za-z0-9+.-]*)://)?(?:[^\s/@]*@)?"
    r"(?P<app>unix:[^\s]+|\[[0-9A-Fa-f:.]+\]|[^\s/:?#]+)(?::(?P<port>[0-9]{1,5})(?![0-9]))?(?P<path>[/?#:]\S*)?"
)
_LONGEST = 2048
_ROUNDS = 5
"""How deep a variable may hold others."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """What answers: an application's name or address, its port and protocol; what is not said is None."""

    app: str
    port: int | None
    protocol: str
    path: str | None = None

    def told(self, groups: Mapping[str, list[str]]) -> dict[str, Any]:
        """Return it as an event has it; `groups` are the servers of `upstream` blocks by their names."""
        found: dict[str, Any] = {"app": self.app, "protocol": self.protocol}
        if self.port is not None:
            found["port"] = self.port
        if self.path:
            found["path"] = self.path
        if self.app in groups:
            found["servers"] = groups[self.app]
        return found


def variables(statements: Iterable[Statement], outer: Variables) -> dict[str, str]:
    """Return the variables that are set in a block for certain, not under a condition, and those from outside it."""
    found = dict(outer)
    for statement in directives(statements, "set"):
        if len(statement.args) == 2:
            found[statement.args[0].removeprefix("$")] = statement.args[1]
    return found


def resolved(text: str, known: Variables) -> str:
    """Return a text with variables replaced; those that are not known stand as they are."""
    for _ in range(_ROUNDS):
        replaced = _VARIABLE.sub(lambda found: known.get(found[1] or found[2], found[0]), text)
        if replaced == text or len(replaced) > _LONGEST:
            break
        text = replaced
    return text


def upstream_of(block: Iterable[Statement], known: Variables) -> Upstream | None:
    """Return where a block hands requests on; else where a condition or a limit directly in it does."""
    statements = list(block)
    for statement in statements:
        if statement.name in _PASSES and statement.args:
            return _upstream(statement, known)
    for statement in statements:
        if statement.name in {"if", "limit_except"} and statement.block:
            found = upstream_of(statement.block, variables(statement.block, known))
            if found is not None:
                return found
    return None


def _upstream(statement: Statement, known: Variables) -> Upstream | None:
    address = resolved(statement.args[0], known)
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return Upstream(address[:_LONGEST], None, _PASSES[statement.name])
    port = int(found["port"]) if found["port"] else None
    return Upstream(
        found["app"],
        port if port and port <= 65_535 else None,
        (found["protocol"] or _PASSES[statement.name]).lower(),
        found["path"],
    )


def groups(statements: Iterable[Statement]) -> dict[str, list[str]]:
    """Return the servers of each `upstream` block."""
    return {
        statement.args[0]: [server.args[0] for server in directives(statement.block or (), "server") if server.args]
        for statement in walk(statements)
        if statement.name == "upstream" and statement.args
    }
