"""`infrastructor streams`: derive status, alerts and notifications from what is in the log."""

import asyncio
import json
from dataclasses import asdict

import click


@click.group("streams", invoke_without_command=True)
@click.pass_context
def streams(ctx: click.Context) -> None:
    """Derive status, alerts and notifications from the events in Kafka.

    Several workers share the partitions; one that is killed loses nothing and repeats nothing that counts. The rules
    and policies are read from INFRASTRUCTOR_STREAMS__RULES_FILE and INFRASTRUCTOR_STREAMS__POLICIES_FILE and put into
    the log when they change. While Kafka is away at start the worker waits; later, after
    INFRASTRUCTOR_STREAMS__PATIENCE_S, it ends with exit code 69, to be started again. Metrics and health are on
    INFRASTRUCTOR_HTTP__PORT (9465).
    """
    if ctx.invoked_subcommand is not None:
        return
    # Imported here: Faust takes a second to load, and the command line itself is quick.
    from cli.main import installed_version  # noqa: PLC0415
    from streams.worker.run import run_streams  # noqa: PLC0415

    run_streams(version=installed_version())


@streams.command("state")
@click.argument("device")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def state_command(*, device: str, as_json: bool) -> None:
    """Show the state of each core for DEVICE, and the offset that it stands at.

    Read from the changelogs, so what a worker has not stored yet is not in it: that is the lag. Exit code 65: no core
    knows the device.
    """
    from cli.streams_shown import state_lines  # noqa: PLC0415
    from replay.standing import standings  # noqa: PLC0415
    from runtime.errors import InputInvalid  # noqa: PLC0415
    from runtime.kafka.catalog import load_catalog  # noqa: PLC0415
    from runtime.settings import KafkaSettings, load  # noqa: PLC0415

    kafka = load(KafkaSettings)
    found = asyncio.run(standings(kafka, load_catalog(kafka), device))
    if as_json:
        click.echo(json.dumps({"device": device, "cores": [asdict(one) | {"lag": one.lag} for one in found]}))
    else:
        for line in state_lines(found):
            click.echo(line)
    if all(one.state is None for one in found):
        raise InputInvalid(f"no core knows a device {device}", operation="show state")


@streams.command("rebuild")
@click.option("--derivation", "names", multiple=True, required=True, help="Its name; `alerts` for both; repeatable.")
@click.option("--all", "everything", is_flag=True, help="Also the partitions whose state is whole.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def rebuild_command(*, names: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Make the states of a derivation anew from the log, for workers that lost them.

    All streams workers must be stopped; one that was killed is waited for. The log is folded from its start, with the
    same cores; what the topic lacks at its end is put there, and the states are written, from which workers then go on.
    May be interrupted and run again.
    """
    from cli.streams_shown import rebuilt_lines  # noqa: PLC0415
    from replay.rebuild import Rebuild, Rebuilt, chosen  # noqa: PLC0415
    from runtime.clock import SystemClock  # noqa: PLC0415
    from runtime.kafka.catalog import load_catalog  # noqa: PLC0415
    from runtime.kafka.producer import KafkaProducer  # noqa: PLC0415
    from runtime.settings import KafkaSettings, load  # noqa: PLC0415

    kafka, derivations = load(KafkaSettings), chosen(names)
    catalog = load_catalog(kafka)

    async def rebuild() -> list[Rebuilt]:
        producer = KafkaProducer(kafka, "infrastructor-rebuild")
        try:
            return [
                await Rebuild(
                    kafka,
                    catalog,
                    one,
                    producer=producer,
                    clock=SystemClock(),
                    wait_s=kafka.session_timeout_s + 2,
                    everything=everything,
                    tell=lambda line: click.echo(line, err=True),
                ).run()
                for one in derivations
            ]
        finally:
            await producer.close()

    done = asyncio.run(rebuild())
    if as_json:
        click.echo(json.dumps({"derivations": [asdict(one) for one in done]}))
        return
    for line in rebuilt_lines(done):
        click.echo(line)
