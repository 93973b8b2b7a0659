"""`infrastructor streams`: derive status, alerts and notifications from what is in the log."""

import click


@click.command("streams")
def streams() -> None:
    """Derive status, alerts and notifications from the events in Kafka.

    Several workers share the partitions; one that is killed loses nothing and repeats nothing that counts. The rules
    are read from INFRASTRUCTOR_STREAMS__RULES_FILE and put into the log when they change. While Kafka is away at start
    the worker waits; later, after INFRASTRUCTOR_STREAMS__PATIENCE_S, it ends with exit code 69, to be started again.
    Metrics and health are on INFRASTRUCTOR_HTTP__PORT (9465).
    """
    # Imported here: Faust takes a second to load, and the command line itself is quick.
    from cli.main import installed_version  # noqa: PLC0415
    from streams.worker.run import run_streams  # noqa: PLC0415

    run_streams(version=installed_version())
