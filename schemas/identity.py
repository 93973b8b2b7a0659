"""Ids and sequences: what makes an event the same event."""

import secrets
from uuid import UUID, uuid5

_AGENTS = "/agents/"


def uuid7(unix_ms: int) -> UUID:
    """A new UUIDv7 (RFC 9562, section 5.7) for a time in milliseconds since 1970; the other 74 bits are random."""
    value = (unix_ms & (1 << 48) - 1) << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return UUID(int=value)


def derived_id(cause: UUID, *what: str) -> UUID:
    """The id of what is derived from an event: a UUIDv5, the same each time it is derived again."""
    return uuid5(cause, "\x1f".join(what))


def sequence_scope(source: str) -> str:
    """Within what an event's sequence counts (beside topic and subject): the agent's epoch, else the source itself."""
    if source.startswith(_AGENTS):
        return source.split("/")[3]
    return source


def agent_of(source: str) -> str | None:
    """The agent that an event comes from, by its device id; None of an event that no agent made."""
    return source.split("/")[2] if source.startswith(_AGENTS) else None


def agent_source(agent: str, epoch: UUID, collector: str) -> str:
    """The source of what an agent's collector observes."""
    return f"{_AGENTS}{agent}/{epoch}/{collector}"
