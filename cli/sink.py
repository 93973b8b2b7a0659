"""`infrastructor sink`: the processes that keep projections of the log, or tell people."""

import sys

import click


@click.group(name="sink")
def sink() -> None:
    """Project events into the database, or tell people."""


@sink.command(name="timescale")
def timescale() -> None:
    """Store every event in PostgreSQL or TimescaleDB, each once.

    Several may run: Kafka shares the partitions out. While Kafka or the database is away the sink waits and
    `/readyz` says why; a login that is refused at the start is an error at once. Create the tables with `db migrate`.
    Metrics and health are on INFRASTRUCTOR_HTTP__PORT (9466).
    """
    # Imported here: `--help` needs neither Kafka's client nor the database's.
    from cli.main import installed_version  # noqa: PLC0415
    from sinks.timescale.process import run_timescale  # noqa: PLC0415

    sys.exit(run_timescale(version=installed_version()))


@sink.command(name="gotify")
def gotify() -> None:
    """Send what infra.notifications requests to Gotify, and record what became of it. Needs no database.

    Without INFRASTRUCTOR_GOTIFY__URL and INFRASTRUCTOR_GOTIFY__TOKEN every request is recorded as suppressed
    (`not_configured`). Metrics and health are on INFRASTRUCTOR_HTTP__PORT (9467).
    """
    from cli.main import installed_version  # noqa: PLC0415
    from sinks.gotify.process import run_gotify  # noqa: PLC0415

    sys.exit(run_gotify(version=installed_version()))


@sink.command(name="webhook")
def webhook() -> None:
    """Post what infra.notifications requests as signed events to a program, and record what became of it.

    Without INFRASTRUCTOR_WEBHOOK__URL and INFRASTRUCTOR_WEBHOOK__SECRET every request is recorded as suppressed
    (`not_configured`). Metrics and health are on INFRASTRUCTOR_HTTP__PORT (9468).
    """
    from cli.main import installed_version  # noqa: PLC0415
    from sinks.webhook.process import run_webhook  # noqa: PLC0415

    sys.exit(run_webhook(version=installed_version()))
