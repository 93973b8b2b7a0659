"""Alembic's environment: runs revisions on the connection it is given, in one transaction. Needs no ini file."""

from alembic import context

VERSION_TABLE = "schema_version"

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table=VERSION_TABLE, transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
