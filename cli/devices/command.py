"""The commands of `infrastructor devices`."""

import asyncio
import json
from pathlib import Path
from typing import Any

import click
from prometheus_client import CollectorRegistry

from cli.devices.place import Place
from collectors.catalog import NAMES, planned_looks
from collectors.chain import elevated
from collectors.devices.discovery import discover
from collectors.devices.edit import added, as_data, current_text, removed, write_devices
from collectors.devices.model import Entry
from collectors.devices.plan import plans
from collectors.devices.reach import Reach
from collectors.devices.ssh_config import import_ssh_config
from collectors.devices.trial import Check, try_device
from collectors.here import this_device
from collectors.request import Chain, argv_of
from collectors.ssh.quoting import words_line
from collectors.transport import Transport
from runtime.errors import InputInvalid

FAILED = 69

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("devices")
def devices() -> None:
    """The machines that the agent watches over SSH: devices.yaml, host keys, and what works."""


@devices.command("list")
@as_json
def list_command(*, as_json: bool) -> None:
    """Show the listed devices, what the defaults of the list give them worked in."""
    place = Place.here()
    listed = place.listed().devices
    if as_json:
        click.echo(json.dumps({"file": str(place.file), "devices": [as_data(entry) for entry in listed]}))
        return
    if not listed:
        click.echo(f"{place.file} lists no devices; add one with: infrastructor devices add NAME")
        return
    rows: list[tuple[str, ...]] = [("DEVICE", "ADDRESS", "USER", "JUMP", "GROUPS", "COLLECTORS", "")]
    rows += [_row(entry) for entry in listed]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(entry: Entry) -> tuple[str, ...]:
    address = entry.address + (f":{entry.port}" if entry.port != 22 else "")
    collectors = ",".join(entry.collectors or ()) or "all"
    groups = ",".join(entry.groups) or "-"
    return (
        entry.id,
        address,
        entry.user or "-",
        entry.jump or "-",
        groups,
        collectors,
        "" if entry.enabled else "disabled",
    )


@devices.command("add")
@click.argument("name")
@click.option("--host", help="Host name or address; NAME when not given.")
@click.option("--user", help="The login there.")
@click.option("--port", type=click.IntRange(1, 65_535))
@click.option("--key", help="The file of the private key.")
@click.option("--jump", help="The device, or [user@]host[:port], that the way leads over.")
@click.option("--group", "groups", multiple=True, help="A group that it belongs to; may be given several times.")
@click.option("--parent", "parents", multiple=True, help="A device that it hangs on; may be given several times.")
def add_command(name: str, **given: Any) -> None:
    """Add the device NAME to the list. The agent picks it up within seconds."""
    place = Place.here()
    # Not checked here: the file is, as it would be, and a wrong value is told in the words of the file.
    nothing = {field: info.get_default(call_default_factory=True) for field, info in Entry.model_fields.items()}
    given = {field: value for field, value in given.items() if value}
    _add(place, [Entry.model_construct(**{**nothing, "id": name, **given})])
    click.echo(f"{place.file}: added {name}; see whether it works with: infrastructor devices test {name}")


def _add(place: Place, entries: list[Entry]) -> None:
    text = added(current_text(place.file), entries, str(place.file))
    write_devices(place.file, text, collectors=NAMES, agent=place.agent)


@devices.command("remove")
@click.argument("name")
def remove_command(name: str) -> None:
    """Take the device NAME off the list. The agent tells that it is retired, and looks at it no more."""
    place = Place.here()
    text = removed(current_text(place.file), name, str(place.file))
    write_devices(place.file, text, collectors=NAMES, agent=place.agent)
    click.echo(f"{place.file}: removed {name}")


@devices.command("import")
@click.argument("config", type=click.Path(path_type=Path, dir_okay=False), default=Path("~/.ssh/config"))
@click.option("--dry-run", is_flag=True, help="Only show what would be added.")
@as_json
def import_command(config: Path, *, dry_run: bool, as_json: bool) -> None:
    """Add the hosts of an OpenSSH client CONFIG (~/.ssh/config) to the list.

    Patterns such as `Host *` are no devices; what they set is taken over. Devices that are listed already stay as they
    are.
    """
    place = Place.here()
    found = import_ssh_config(config)
    before = {entry.id for entry in place.listed().devices}
    new = [entry for entry in found.entries if entry.id not in before]
    listed_before = [entry.id for entry in found.entries if entry.id in before]
    if not dry_run and new:
        _add(place, new)
    if as_json:
        outcome = {"added": [as_data(e) for e in new], "listed": listed_before, "left_out": list(found.left_out)}
        click.echo(json.dumps({"file": str(place.file), "dry_run": dry_run, **outcome}))
        return
    for entry in new:
        click.echo(f"{'would add' if dry_run else 'added'} {entry.id} ({entry.address})")
    for device in listed_before:
        click.echo(f"listed already: {device}")
    for why in found.left_out:
        click.echo(f"left out: {why}", err=True)
    if not new:
        click.echo("nothing to add")


@devices.command("trust")
@click.argument("host")
@click.option("--yes", is_flag=True, help="Accept without being asked: only when the fingerprint is known to be right.")
@click.option("--replace", is_flag=True, help="Accept another key than the one accepted before.")
def trust_command(host: str, *, yes: bool, replace: bool) -> None:
    """Show the host key of HOST (a device's id, or [user@]host[:port]), ask, and accept it from then on.

    Compare the fingerprint with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` says on the device itself.

    Exit code 1: not accepted.
    """
    from collectors.ssh.accepting import accept, shown_key  # noqa: PLC0415 - asyncssh, where it is needed

    place = Place.here()
    target = place.target(host)

    async def fetch() -> Any:
        reach = Reach(place.ssh, data_dir=place.data_dir, registry=CollectorRegistry())
        try:
            return await shown_key(reach.pool(), target), reach.pool().known_hosts
        finally:
            await reach.close()

    shown, known_hosts = asyncio.run(fetch())
    click.echo(f"{target.address} shows the host key {shown.fingerprint}")
    if shown.known:
        click.echo("It was accepted already.")
        return
    if shown.before and not replace:
        raise InputInvalid(
            f"another key was accepted for {target.address} before: was it installed anew, or does another machine "
            f"answer? Only if you know why: infrastructor devices trust {host} --replace",
            operation="accept host key",
        )
    if not yes and not click.confirm("Is that the device's own key, and is it to be accepted?"):
        click.echo("not accepted: nothing was changed", err=True)
        raise SystemExit(1)
    for other in accept(known_hosts, shown):
        click.echo(f"{other} still accepts an older key: ssh-keygen -f {other} -R {target.host}", err=True)
    click.echo(f"accepted, in {known_hosts.files[0]}")


@devices.command("test")
@click.argument("name")
@as_json
def test_command(name: str, *, as_json: bool) -> None:
    """Say what works at NAME (a device's id, or [user@]host[:port]).

    Tried are name, port, host key and login; then, for each collector, its programs, and sudo where it needs that.

    Exit code 69: the device cannot be watched. A program that is missing only means that its collector is skipped.
    """
    checks = asyncio.run(_tested(Place.here(), name))
    if as_json:
        found = [{"what": c.what, "outcome": c.outcome, "detail": c.detail, "needed": c.needed} for c in checks]
        click.echo(json.dumps({"device": name, "checks": found}))
    else:
        for check in checks:
            click.echo(f"{check.outcome:<10} {check.what:<24} {check.detail}".rstrip())
    raise SystemExit(FAILED if any(check.needed and check.outcome != "ok" for check in checks) else 0)


async def _tested(place: Place, name: str) -> list[Check]:
    target = place.target(name)
    listed = place.listed()
    plan = next((one for one in plans(listed, agent=place.agent, settings=place.settings) if one.id == name), None)
    reach = Reach(place.ssh, data_dir=place.data_dir, registry=CollectorRegistry())
    transport: Transport
    if plan is not None and plan.target is None:
        here = this_device(place.settings)
        transport, elevates = here.transport, here.elevates
    else:
        transport, elevates = reach.transport(target, name), (target.user or "") != "root"
    settings = plan.settings(place.settings) if plan is not None else place.settings
    try:
        return await try_device(transport, [one.look for one in planned_looks(settings)], elevates=elevates)
    finally:
        await transport.close()
        await reach.close()


@devices.command("lines")
@click.option("--sudo", is_flag=True, help="For a login that is not root: programs that want root by way of sudo.")
def lines_command(*, sudo: bool) -> None:
    """Print the commands that a restricted key must allow, a line each, for deploy/ssh/infrastructor-shell.

    What is asked further, because of an answer, is in deploy/ssh/patterns. After an upgrade the lines may differ.
    """
    for planned in planned_looks(Place.here().settings.over_ssh):
        request = planned.look.request
        first = request.first if isinstance(request, Chain) else request
        click.echo(words_line(argv_of(elevated(first, planned.look.sudo if sudo else ()))))


@devices.command("discover")
@click.option(
    "--compose",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder with compose projects; may be given several times. /opt, /srv and here when not given.",
)
@as_json
def discover_command(folders: tuple[Path, ...], *, as_json: bool) -> None:
    """Propose machines that are not listed yet. Nothing is connected, nothing is changed.

    Read are the names in known_hosts, Docker's contexts over ssh, and in compose projects `ssh://` addresses and
    `extra_hosts`.
    """
    place = Place.here()
    found = discover(
        place.known_hosts,
        folders or (Path("/opt"), Path("/srv"), Path()),
        Path("~/.docker/contexts").expanduser(),
        place.listed(),
    )
    if as_json:
        named = [{**as_data(one.entry), "found_in": one.found_in} for one in found.candidates]
        click.echo(json.dumps({"candidates": named, "hashed": found.hashed}))
        return
    for one in found.candidates:
        options = "".join(
            f" --{option} {value}"
            for option, value in (("host", one.entry.host), ("user", one.entry.user), ("port", one.entry.port))
            if value is not None
        )
        click.echo(f"infrastructor devices add {one.entry.id}{options}    # {one.found_in}")
    if not found.candidates:
        click.echo("nothing found that is not listed")
    if found.hashed:
        click.echo(f"{found.hashed} names in known_hosts are hashed: only ssh itself can read them", err=True)
