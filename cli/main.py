"""The entry point of `infrastructor`: the table of subcommands, and errors as one line with their exit code."""

import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import click

from cli.exit_codes import EXIT_CODES, INTERRUPTED
from cli.lazy import LazyGroup, Subcommand
from runtime.errors import InfrastructorError

SUBCOMMANDS = (
    Subcommand("up", "cli.up.command", "up", "Start everything on this machine, and watch it."),
    Subcommand("agent", "cli.agent", "agent", "Collect from machines and publish what is seen."),
    Subcommand("collectors", "cli.collectors", "collectors", "Show what there is to look at, and how."),
    Subcommand("collect", "cli.collect", "collect", "Look at a device now, and print what was seen."),
    Subcommand("parse", "cli.parse", "parse", "Turn a collector's raw output into events."),
    Subcommand("devices", "cli.devices.command", "devices", "The machines that are watched over SSH."),
    Subcommand("streams", "cli.streams", "streams", "Derive status, alerts and notifications from the events."),
    Subcommand("rules", "cli.rules", "rules", "Check and test the rules of alerts."),
    Subcommand("policies", "cli.policies", "policies", "Check and show when a device is offline, and who is told."),
    Subcommand("alerts", "cli.alerts", "alerts", "Show alerts, take them on, silence them, and why who was told."),
    Subcommand("maintenance", "cli.maintenance", "maintenance", "Announce times in which alerts are expected."),
    Subcommand("baseline", "cli.baseline", "baseline", "Accept how a thing is, so that only what differs counts."),
    Subcommand("sink", "cli.sink", "sink", "Project events into the database, or tell people."),
    Subcommand("notify", "cli.notify", "notify", "Try out the receivers of notifications."),
    Subcommand("topics", "cli.topics", "topics", "Compare Kafka's topics with topics.yaml, and create them."),
    Subcommand("db", "cli.db", "db", "Migrate the database and show its state."),
    Subcommand("dead-letters", "cli.dead_letters", "dead_letters", "Show what could not be processed, or put it back."),
    Subcommand("gaps", "cli.gaps", "gaps", "Show what is missing, exactly which, and why."),
    Subcommand("replay", "cli.replay", "replay", "Read the log again: into the tables, or to check what was derived."),
    Subcommand("config", "cli.config", "config", "Show and check the settings."),
    Subcommand("schemas", "cli.schemas", "schemas", "Generate and check the JSON Schemas of the events."),
    Subcommand("completion", "cli.completion", "completion", "Print the completion script of a shell."),
)


def build_cli() -> LazyGroup:
    """Return the command line: the root group over `SUBCOMMANDS`."""
    return LazyGroup(
        "infrastructor",
        SUBCOMMANDS,
        help=(
            "Watches machines: typed events in Kafka, derived status and alerts, TimescaleDB and Gotify.\n\n"
            "`infrastructor up` starts the whole pipeline on this machine. Each part is a command of its own."
        ),
        epilog=_epilog(),
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        params=[
            click.Option(
                ["--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_print_version,
                help="Show the version and exit.",
            )
        ],
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code; errors that we know are one line, without a traceback."""
    cli = build_cli()
    try:
        # Of itself, click turns every end into sys.exit; here the known errors are told apart first.
        code = cli.main(
            args=list(arguments) if arguments is not None else None, prog_name="infrastructor", standalone_mode=False
        )
    except InfrastructorError as error:
        # As the long-running processes say it, secrets masked.
        from runtime.process import one_line  # noqa: PLC0415 - only on the way out

        click.echo(one_line(error), err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output (`head`, `less`) has what it wanted.
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    if wanted and not ctx.resilient_parsing:
        click.echo(f"infrastructor {installed_version()}")
        ctx.exit()


def installed_version() -> str:
    """Return the version of this installation; `0+source` when it runs from a folder that was never installed."""
    try:
        return version("infrastructor")
    except PackageNotFoundError:
        return "0+source"


def _epilog() -> str:
    # \b keeps click from running the lines together.
    lines = "\n".join(f"{code:>3}  {meaning}" for code, meaning in EXIT_CODES.items())
    return f"\b\nExit codes:\n{lines}"


if __name__ == "__main__":
    main()
