"""The command line of `infrastructor up`."""

import asyncio
import json
import signal
import sys
from dataclasses import dataclass

import click
from rich.console import Console

from cli.config import CONCERNS
from cli.up.logs import LogStream
from cli.up.plan import WORKERS, make_plan
from cli.up.run import Options, Run
from cli.up.threads import leave_at_once_if_busy, settled
from deploy.local.settings import LocalSettings
from deploy.local.stack import LocalStack
from runtime.durations import duration
from runtime.errors import SettingsInvalid
from runtime.log import configure_logging
from runtime.process import Stop, run_process
from runtime.settings import LogSettings, PostgresSettings, World, check, load, secret_values

GROUPS = {
    "streams": "infrastructor-streams",
    "timescale": "infrastructor-sink-timescale",
    "gotify": "infrastructor-sink-gotify",
    "webhook": "infrastructor-sink-webhook",
}
"""The consumer groups whose lag is shown, by the name that is shown."""

_SETTLE_S = 3.0
DRAIN_S = 13.0
"""When even our own way of ending, which takes 10 s at most, does not come to its end."""


class _Duration(click.ParamType):
    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return duration(str(value)).total_seconds()
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option("--for", "seconds", type=_Duration(), help="Stop after so long (30s, 5m), counted from when all runs.")
@click.option("--plain", is_flag=True, help="Lines instead of the live view; so it is where there is no terminal.")
@click.option("--summary", type=click.Choice(["json"]), help="End with one JSON object on standard output.")
@click.option(
    "--without",
    multiple=True,
    type=click.Choice(tuple(WORKERS)),
    help="Leave one out, to run it yourself or, as `streams rebuild` wants it, not at all; repeatable.",
)
def up(*, seconds: float | None, plain: bool, summary: str | None, without: tuple[str, ...]) -> int:
    """Start everything on this machine, and watch it.

    Kafka and PostgreSQL (unless INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS and INFRASTRUCTOR_DATABASE__URL point
    elsewhere), the agent, the streams and the sinks; data, logs and spool are in INFRASTRUCTOR_DATA_DIR. Ctrl-C stops
    it all within 10 s, and the next start goes on from there.
    """
    console = Console(file=sys.stderr if summary else sys.stdout, highlight=False)
    lines = plain or not console.is_terminal or console.is_dumb_terminal
    result: dict[str, object] = {}

    async def main(stop: Stop) -> None:
        # The terminal's window is closed: as good a reason to stop in order as Ctrl-C.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, stop.ask, "SIGHUP")
        asked = _Asked(seconds, lines, summary is not None, without)
        result.update(await _run(stop, asked, console))

    code = run_process(main, drain_s=DRAIN_S)
    if result:
        click.echo(json.dumps(result))
    leave_at_once_if_busy(code)
    return code


@dataclass(frozen=True, slots=True)
class _Asked:
    """The options as given."""

    seconds: float | None
    plain: bool
    summary: bool
    without: tuple[str, ...]


async def _run(stop: Stop, asked: _Asked, console: Console) -> dict[str, object]:
    world = World.here()
    problems = [problem for concern in CONCERNS for problem in check(concern, world)]
    if problems:
        raise SettingsInvalid("; ".join(map(str, problems)), operation="start")
    plan = make_plan(world, without=asked.without)
    stack = LocalStack(plan.data_dir, settings=load(LocalSettings, world))
    ended = await asyncio.to_thread(stack.open)
    try:
        # The screen is the view's: what our own libraries log goes to a file.
        secrets = secret_values(*(load(concern, world) for concern in CONCERNS))
        configure_logging(
            load(LogSettings, world), process="up", secrets=secrets, stream=LogStream(plan.logs / "up.log")
        )
        # A group that was once there, and whose sink is not started now, would fall behind for ever.
        groups = {name: group for name, group in GROUPS.items() if name != "webhook" or "sink-webhook" in plan.workers}
        options = Options(asked.seconds, asked.plain, asked.summary, groups, console, _migrate)
        run = Run(options, plan, stack)
        if ended:
            run.board.say(f"ended {len(ended)} processes that an earlier run had left behind")
        return await run.through(stop)
    finally:
        # Storage that is being made is finished first: it is a process, and the folder is its until then.
        await settled(_SETTLE_S)
        stack.close()


def _migrate(settings: PostgresSettings) -> None:
    # Imported in the thread that migrates: half a second in which Kafka starts.
    from sinks.timescale.schema import migrate  # noqa: PLC0415

    migrate(settings)
