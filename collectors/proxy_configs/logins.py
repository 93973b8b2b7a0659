"""Which login stands before a location: Authelia, Authentik, LDAP, Tinyauth, another subrequest, or HTTP Basic.

Sources of the formats: the samples of SWAG, which include `<login>-location.conf` where a location is protected;
ngx_http_auth_basic_module, ngx_http_auth_request_module, ngx_http_auth_jwt_module. What is included is not read.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from collectors.proxy_configs.statements import Statement, directives

_INCLUDED = re.compile(r"(?:.*/)?(authelia|authentik|ldap|tinyauth)-location\.conf(?:\.sample)?")
_REQUESTED = (
    ("authelia", re.compile(r"authelia|/internal/authelia|/api/(?:verify|authz)")),
    ("authentik", re.compile(r"authentik")),
    ("tinyauth", re.compile(r"tinyauth")),
    ("ldap", re.compile(r"ldap|^/auth$")),
)
_OFF = "off"


@dataclass(frozen=True, slots=True)
class Logins:
    """The logins of a block, each None where the block says nothing of it and the one around it counts; `off` is none.

    `included` are those of files that the block includes: nginx hands directives of a block on to blocks within it.
    """

    included: tuple[str, ...] = ()
    requested: str | None = None
    basic: str | None = None
    token: str | None = None

    @property
    def names(self) -> list[str]:
        """Their names, each once."""
        found = {*self.included, *(one for one in (self.requested, self.basic, self.token) if one and one != _OFF)}
        return sorted(found)


def logins_of(block: Iterable[Statement], outer: Logins) -> Logins:
    """Return the logins of a block within another."""
    statements = list(block)
    included = tuple(
        found[1]
        for one in directives(statements, "include")
        if one.args and (found := _INCLUDED.fullmatch(one.args[0]))
    )
    requested = _last(statements, "auth_request")
    return Logins(
        included or outer.included,
        outer.requested if requested is None else _requested(requested),
        _or(_last(statements, "auth_basic"), outer.basic, "basic"),
        _or(_last(statements, "auth_jwt"), outer.token, "jwt"),
    )


def _last(statements: list[Statement], name: str) -> str | None:
    return next((one.args[0] for one in reversed(list(directives(statements, name))) if one.args), None)


def _or(said: str | None, outer: str | None, name: str) -> str | None:
    if said is None:
        return outer
    return _OFF if said == _OFF else name


def _requested(uri: str) -> str:
    if uri == _OFF:
        return _OFF
    return next((name for name, pattern in _REQUESTED if pattern.search(uri)), "request")
