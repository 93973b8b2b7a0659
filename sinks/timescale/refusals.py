"""What an error of the database means for the writer. Pure: SQLSTATE in, decision out (PostgreSQL, appendix A)."""

from enum import Enum

import psycopg


class Meaning(Enum):
    """What to do."""

    DUPLICATE = "merge the batch by key"
    ROW = "find the row that is refused"
    SCHEMA = "wait for the schema that this version writes"
    AGAIN = "wait, connect anew, and store the batch again"


# Data exception, integrity violation (unique apart), and limits such as an index row that is too long.
_ROW = ("22", "23", "54")
# Undefined table, column, function, object; invalid schema name; datatype mismatch.
_SCHEMA = frozenset({"42P01", "42703", "42883", "42704", "3F000", "42804"})


def meaning(error: psycopg.Error) -> Meaning:
    """What an error tells. What nobody knows is tried again: nothing is lost by it, and readiness says why."""
    state = error.sqlstate or ""
    if state == "23505":
        return Meaning.DUPLICATE
    if state in _SCHEMA:
        return Meaning.SCHEMA
    if state.startswith(_ROW):
        return Meaning.ROW
    return Meaning.AGAIN
