"""Work beside the writer that is done turn after turn, on a connection of its own, by one process at a time."""

from collections.abc import Awaitable, Callable
from typing import Any, LiteralString

import psycopg

from runtime.errors import InfrastructorError
from sinks.surroundings import Surroundings

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


async def in_turns(turn: Callable[[], Awaitable[object]], what: str, *, every_s: float, around: Surroundings) -> None:
    """Take one turn after another until asked to stop. What fails is told, and tried again in the next turn."""
    while not await around.stop.wait(every_s):
        try:
            await turn()
        except (psycopg.Error, InfrastructorError, OSError) as error:
            around.log.warning("failed, tried again in the next turn", what=what, why=str(error))


async def is_alone(connection: Connection, lock: LiteralString) -> bool:
    """Whether nobody else is at it; `lock` asks for a lock that is held until the end of the transaction."""
    row = await (await connection.execute(lock)).fetchone()
    return row is not None and bool(row[0])
