"""`infrastructor agent`: collect from this machine, keep what is seen on disk, publish it."""

import sys

import click


@click.command("agent")
def agent() -> None:
    """Collect from this machine and publish what is seen.

    What is seen is kept in a spool on disk until Kafka has acknowledged it, so the agent starts, and goes on, without
    Kafka. SIGTERM: no more looks, what can be sent in INFRASTRUCTOR_AGENT__FLUSH_S is sent. Metrics and health are on
    INFRASTRUCTOR_HTTP__PORT (9464).
    """
    # Imported here: the command line itself is quick, and structlog must come without its company.
    from collectors.lean import import_structlog  # noqa: PLC0415

    import_structlog()
    from cli.main import installed_version  # noqa: PLC0415
    from collectors.process import run_agent  # noqa: PLC0415

    sys.exit(run_agent(version=installed_version()))
