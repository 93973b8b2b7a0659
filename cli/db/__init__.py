"""`infrastructor db`: the life of the database."""

from cli.lazy import LazyGroup, Subcommand

db = LazyGroup(
    "db",
    (
        Subcommand("migrate", "cli.db.schema", "migrate", "Create or update the tables."),
        Subcommand("status", "cli.db.schema", "status", "Show the schema's revision and what is pending."),
        Subcommand("check", "cli.db.check", "check", "Look for what is wrong or will hurt."),
        Subcommand("info", "cli.db.info", "info", "Show the connection, the server and the pool."),
        Subcommand("stats", "cli.db.stats", "stats", "Show sizes, rates, and the slowest statements."),
        Subcommand("chunks", "cli.db.stats", "chunks", "List the chunks of the hypertables."),
        Subcommand("hypertables", "cli.db.keeping", "hypertables", "First: tables that grow become hypertables."),
        Subcommand("compression", "cli.db.keeping", "compression", "Second: full chunks are compressed."),
        Subcommand("retention", "cli.db.keeping", "retention", "Third: what is too old is deleted."),
        Subcommand("optimize", "cli.db.optimize", "optimize", "Give back dead rows, refresh what plans are made from."),
        Subcommand("roles", "cli.db.roles", "roles", "Who may do what: owner, writer, reader, operator."),
        Subcommand("export", "cli.db.export", "export", "Write a table and range of time to a Parquet file."),
    ),
    help="Migrate the database, look after it, and show what is in it.",
    no_args_is_help=True,
)
