"""`infrastructor collect`: one look now, by the agent that runs here, or without one."""

import asyncio
from pathlib import Path
from typing import assert_never

import click
from prometheus_client import CollectorRegistry

from cli.observed import as_table
from collectors.alone import look_alone
from collectors.api.client import Reply, ask_agent
from collectors.api.protocol import Ended, Request
from collectors.catalog import named_look
from collectors.device import Device
from collectors.devices.plan import plans
from collectors.devices.reach import Reach
from collectors.devices.source import DeviceSource, devices_path
from collectors.here import this_device
from collectors.raw import keep_raw
from collectors.settings import AgentSettings, socket_path
from collectors.ssh.settings import SshSettings
from runtime.clock import SystemClock
from runtime.errors import InputInvalid
from runtime.redact import sanitised
from runtime.settings import DataSettings, load

FAILED = 69


@click.command("collect")
@click.argument("collector")
@click.option("--device", help="The device to look at; the agent's own machine when not given.")
@click.option("--force", is_flag=True, help="Look now, however fresh what was seen last is.")
@click.option("--output", type=click.Choice(["table", "ndjson"]), default="table", show_default=True)
@click.option(
    "--raw-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Look now, and keep the raw output in this folder, which nobody else may read: secrets in it are not masked.",
)
def collect(collector: str, device: str | None, *, force: bool, output: str, raw_dir: Path | None) -> None:
    """Look at a device with COLLECTOR, and print what was seen.

    The agent that runs on this data folder looks, or answers with what it saw a moment ago; what it sees is published.
    Without an agent this command looks by itself, and nothing is published.

    Exit code 69: the look failed; 65: there is no such collector or device.
    """
    settings = load(AgentSettings)
    # A name that is wrong is said at once, whoever would have looked.
    named_look(collector, settings)
    request = Request(collector=collector, device=device, force=force, raw=raw_dir is not None)
    reply = ask_agent(socket_path(load(DataSettings).data_dir), request)
    if reply is None:
        reply = asyncio.run(_alone(collector, device, settings))
        click.echo("no agent runs on this data folder: looked without one, nothing was published", err=True)
    if raw_dir is not None and reply.raw is not None:
        at = SystemClock().now()
        path = keep_raw(raw_dir, reply.raw, at=at, device=reply.ended.device, collector=collector)
        click.echo(f"raw output is in {path}", err=True)
    if output == "ndjson":
        for event in reply.events:
            click.echo(event)
    else:
        for line in as_table(reply.events):
            click.echo(line)
    if not reply.events and reply.ended.status == "success":
        click.echo("there is nothing of the kind, or nothing that was not told before", err=True)
    _say_end(reply.ended)


async def _alone(collector: str, name: str | None, settings: AgentSettings) -> Reply:
    """Look without an agent, at this machine or at one of the list of devices. Raises InputInvalid."""
    here = this_device(settings)
    data_dir = load(DataSettings).data_dir
    source = DeviceSource(devices_path(settings, data_dir), agent=here.id, required=settings.devices_file is not None)
    wanted = name or here.id
    plan = next((one for one in plans(source.first, agent=here.id, settings=settings) if one.id == wanted), None)
    look = named_look(collector, plan.settings(settings) if plan is not None else settings).look
    if wanted == here.id:
        return await look_alone(look, here, SystemClock())
    if plan is None or plan.target is None:
        raise InputInvalid(
            f"{name!r} is neither this machine ({here.id}) nor a device in {source.path}", operation="find device"
        )
    reach = Reach(load(SshSettings), data_dir=data_dir, registry=CollectorRegistry())
    try:
        transport = reach.transport(plan.target, plan.id)
        device = Device(plan.id, transport, here.shortest_interval_s, groups=plan.groups, elevates=plan.elevates)
        return await look_alone(look, device, SystemClock())
    finally:
        await reach.close()


def _say_end(ended: Ended) -> None:
    match ended.status:
        case "cached":
            click.echo(f"seen {ended.age_seconds or 0:.1f} s ago; --force looks now", err=True)
            if ended.message:
                click.echo(sanitised(ended.message), err=True)
        case "skipped":
            click.echo(f"skipped: {sanitised(ended.message or '')}", err=True)
        case "error" | "timeout" | "unreachable":
            click.echo(f"error: {ended.collector} on {ended.device}: {sanitised(ended.message or '')}", err=True)
            raise SystemExit(FAILED)
        case "success":
            if ended.message:
                click.echo(sanitised(ended.message), err=True)
        case _:
            assert_never(ended.status)
