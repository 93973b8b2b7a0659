"""What the database knows: rows by table (estimated for the view, counted for the summary), gaps, current state."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from cli.up.model import Alert, Device
from runtime.postgres import connect, translated
from runtime.settings import PostgresSettings
from runtime.sql import load_statements

Rows = Mapping[str, int]


class Stored:
    """A connection that asks; opened when first needed, and again after a failure. For one task at a time."""

    def __init__(self, settings: PostgresSettings) -> None:
        self._settings = settings
        self._statements = load_statements(Path(__file__).parent)
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None

    async def estimated(self) -> Rows:
        """Return rows by table from the server's statistics, quick at any size. Raises DatabaseUnavailable."""
        return {str(table): int(count) for table, count in await self._rows("estimated_rows")}

    async def counted(self, within_s: float) -> Rows:
        """Return exact rows by table, each given `within_s` seconds; one that takes longer keeps its estimate."""
        found = dict(await self.estimated())
        with translated(self._settings, operation="count rows"):
            connection = await self._connected()
            await connection.execute(self._statements["limit_time"], {"ms": str(int(within_s * 1000))})
            for table in found:
                counting = sql.SQL(self._statements["count_rows"]).format(table=sql.Identifier(table))
                try:
                    row = await (await connection.execute(counting)).fetchone()
                except psycopg.errors.QueryCanceled:
                    continue
                found[table] = int(row[0]) if row else 0
        return found

    async def open_gaps(self) -> int:
        """Return how many gaps are open now. Raises DatabaseUnavailable."""
        ((count,),) = await self._rows("open_gaps")
        return int(count)

    async def offsets(self) -> dict[tuple[str, int], int]:
        """Return how far each (topic, partition) is stored. Raises DatabaseUnavailable."""
        return {(topic, partition): offset for topic, partition, offset in await self._rows("stored_offsets")}

    async def devices(self) -> list[Device]:
        """Return the devices as they are now."""
        return [
            Device(name, status=status, reason=reason, summary=summary, since=since, described=described)
            for name, status, reason, summary, since, described in await self._rows("known_devices")
        ]

    async def alerts(self) -> list[Alert]:
        """Return the alerts that are raised now."""
        return [Alert(*row) for row in await self._rows("known_alerts")]

    async def close(self) -> None:
        """Disconnect; it connects again when asked."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        with translated(self._settings, operation=statement.replace("_", " ")):
            return await (await (await self._connected()).execute(self._statements[statement])).fetchall()

    async def _connected(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        if self._connection is None or self._connection.broken:
            await self.close()
            self._connection = await connect(self._settings, "infrastructor-up", autocommit=True)
        return self._connection


def added(before: Rows, after: Rows) -> dict[str, int]:
    """Return the rows that a run added, by table; a table that lost rows (retention) shows a negative number."""
    return {table: count - before.get(table, 0) for table, count in sorted(after.items())}
