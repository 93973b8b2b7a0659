"""`infrastructor parse`: a collector's parser as a filter, raw output in, events out. It touches nothing else."""

import sys
from pathlib import Path

import click

from collectors.catalog import named_look
from collectors.device import Device
from collectors.errors import ParseError
from collectors.local import LocalTransport
from collectors.settings import AgentSettings
from collectors.unpublished import read_events, read_told
from runtime.errors import InputInvalid
from runtime.redact import sanitised


@click.command("parse")
@click.argument("collector")
@click.option("--device", default="device", show_default=True, help="The device that the events are about.")
@click.option(
    "--before",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The raw output of the look before, for what needs two: rates, and what changed.",
)
def parse(collector: str, device: str, *, before: Path | None) -> None:
    """Read the raw output of COLLECTOR on standard input; print the events that an agent would publish, one a line.

    Nothing is looked at, kept or sent. Time, ids, epoch and sequences are placeholders: the same input gives the same
    output. Raw output is what `infrastructor collect --raw-dir` keeps, or what the collector's main program prints.

    What a program of several said and cannot be read is left out, and named on standard error.

    Exit code 65: the input is not in the format that the parser knows; the line names the place.
    """
    settings = AgentSettings()
    look = named_look(collector, settings).look
    of = Device(device, LocalTransport(), settings.interval_s)
    earlier = before.read_bytes().decode(errors="replace") if before is not None else None
    try:
        told = read_told(look, sys.stdin.buffer.read().decode(errors="replace"), before=earlier)
        events = read_events(told, look, of)
    except ParseError as error:
        raise InputInvalid(error.message, operation="parse") from error
    for event in events:
        click.echo(event)
    for unread in told.partial:
        click.echo(f"not read: {sanitised(unread)}", err=True)
