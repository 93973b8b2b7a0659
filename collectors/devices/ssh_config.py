"""The hosts of an OpenSSH client configuration (ssh_config(5)), as devices: for import, not while looking.

Read are Host, HostName, User, Port, IdentityFile, ProxyJump and Include. The first value wins, as in ssh. Hosts with
patterns are settings for others, not devices; what stands under Match depends on more than the name, and is left out.
So is a host that would not be reached as ssh reaches it: by ProxyCommand, or over a jump host that is left out.
"""

import getpass
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from collectors.devices.address import split_host
from collectors.devices.model import Entry
from collectors.devices.ssh_blocks import Block, Reader, values_of
from collectors.ssh.target import PORT
from runtime.errors import InputInvalid

_NOT_ALLOWED = re.compile(r"[^a-z0-9._-]+")
_TOKEN = re.compile(r"%(.?)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Imported:
    """The devices found, and what was left out with the reason."""

    entries: tuple[Entry, ...]
    left_out: tuple[str, ...]


@dataclass(slots=True)
class _Import:
    """An import under way: devices by what ssh calls them (None while it is worked out), why others are left out."""

    blocks: list[Block]
    names: dict[str, Entry | None] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(self, name: str) -> None:
        """Take a host in with those that it is reached over, or leave it out."""
        if name in self.names or name in self.left_out:
            return
        self.names[name] = None
        try:
            entry = _entry(name, values_of(name, self.blocks), self.jump)
        except (ValidationError, ValueError, InputInvalid) as error:
            del self.names[name]
            self.left_out[name] = _first_line(error)
            return
        first = self.entries.setdefault(entry.id, entry)
        self.names[name] = first
        if first is not entry:
            self.left_out[name] = f"there is a {entry.id} already"
            if first != entry:
                del self.names[name]

    def jump(self, name: str, jump: str) -> str | None:
        """Return a host's ProxyJump so that it leads to the same here: a device, or where ssh would connect to.

        None over itself, which `Host *` says of the jump host, too. Raises ValueError, InputInvalid.
        """
        user, _, where = jump.rpartition("@")
        host, port = split_host(where)
        # Without a port what is written is the host.
        given = port if where not in {host, f"[{host}]"} else None
        if not any(host in block.patterns for block in self.blocks):
            return _address(host, values_of(host, self.blocks), user=user, port=given, as_given=jump)
        self.add(host)
        if host == name:
            return None
        if host not in self.names:
            raise ValueError(f"ProxyJump leads over {host}, which is left out: {self.left_out[host]}")
        entry = self.names[host]
        if entry is None:
            raise ValueError(f"ProxyJump goes round in a circle over {host}")
        if user in {"", entry.user} and given in {None, entry.port or PORT}:
            return entry.id
        if entry.jump is not None:
            raise ValueError(f"ProxyJump leads over {host} in another way than the device {entry.id}, which has a jump")
        return _joined(user or entry.user, entry.address, given or entry.port)


def import_ssh_config(path: Path) -> Imported:
    """Return the hosts of a configuration as devices. Blocks. Raises InputInvalid when it cannot be read."""
    reader = Reader(path.expanduser().parent)
    found = _Import(list(reader.read(path.expanduser())))
    names = list(dict.fromkeys(name for block in found.blocks for name in block.patterns))
    plain = [name for name in names if not any(character in name for character in "*?!")]
    for name in plain:
        found.add(name)
    ids = dict.fromkeys(entry.id for name in plain if (entry := found.names.get(name)) is not None)
    reasons = (f"{name}: {found.left_out[name]}" for name in plain if name in found.left_out)
    return Imported(tuple(found.entries[device] for device in ids), (*reader.left_out, *reasons))


def _entry(name: str, values: Mapping[str, str], jump_of: Callable[[str, str], str | None]) -> Entry:
    if values.get("proxycommand", "none").lower() != "none":
        raise ValueError("ProxyCommand is not taken over: give it a `jump`, if that is what it does")
    host = _host(name, values)
    device = _NOT_ALLOWED.sub("-", name.lower()).lstrip("._-")[:63]
    port = int(values.get("port", PORT))
    user = values.get("user")
    jump = values.get("proxyjump", "none").removeprefix("ssh://")
    if "," in jump:
        raise ValueError("ProxyJump over several hosts: give each its own `jump`")
    return Entry(
        id=device,
        host=host if host != device else None,
        user=user,
        port=port if port != PORT else None,
        key=_key(values.get("identityfile"), name=name, host=host, port=port, user=user),
        jump=jump_of(name, jump) if jump.lower() != "none" else None,
    )


def _host(name: str, values: Mapping[str, str]) -> str:
    return _expanded(values.get("hostname", name), {"h": name}, what="HostName")


def _key(given: str | None, *, name: str, host: str, port: int, user: str | None) -> str | None:
    if given is None or given.lower() == "none":
        return None
    if "${" in given:
        raise ValueError(f"IdentityFile has a variable of the environment: {given}")
    here = getpass.getuser()
    values = {"h": host, "n": name, "p": str(port), "r": user or here, "u": here, "d": str(Path.home())}
    return _expanded(given, values, what="IdentityFile")


def _expanded(text: str, values: Mapping[str, str], *, what: str) -> str:
    """Return a value of ssh_config with its tokens in place (ssh_config(5), TOKENS)."""
    known = {"%%": "%", **{f"%{letter}": value for letter, value in values.items()}}

    def meant(found: re.Match[str]) -> str:
        if found[0] not in known:
            raise ValueError(f"{what} has the token {found[0]}, which is not taken over: {text}")
        return known[found[0]]

    return _TOKEN.sub(meant, text)


def _address(host: str, values: Mapping[str, str], *, user: str, port: int | None, as_given: str) -> str:
    """Return where ssh would connect to for a jump host that is no Host of its own: settings for all count for it."""
    if values.get("proxycommand", "none").lower() != "none":
        raise ValueError(f"ProxyJump leads over {host}, which has a ProxyCommand")
    if not {"hostname", "user", "port"} & values.keys():
        return as_given
    meant = int(values["port"]) if port is None and "port" in values else port
    return _joined(user or values.get("user"), _host(host, values), meant)


def _joined(user: str | None, host: str, port: int | None) -> str:
    where = f"[{host}]" if ":" in host and port is not None else host
    return (f"{user}@" if user else "") + where + (f":{port}" if port is not None else "")


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{first['loc'][-1] if first['loc'] else 'it'}: {first['msg']}"
    return str(error)
