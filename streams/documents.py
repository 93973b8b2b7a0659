"""Rules and policies as documents: their hash, and which of two is in force."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import orjson

from schemas.identity import derived_id
from schemas.rules import RulesKind, RulesLoaded


def canonical(document: Mapping[str, Any]) -> bytes:
    """The document as JSON with sorted keys and no white space."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def document_hash(document: Mapping[str, Any]) -> str:
    """The SHA-256 of the canonical form, in hexadecimal."""
    return hashlib.sha256(canonical(document)).hexdigest()


_RULES = UUID("5b1f3f0e-6a1e-5a0c-9d58-3a1f6c0d7e21")


def rules_id(kind: RulesKind, revision: int, digest: str, *, topic: str, partition: int) -> UUID:
    """The id of the `rules.loaded` that puts a document into a partition: the same whoever puts it."""
    return derived_id(_RULES, kind, str(revision), digest, topic, str(partition))


@dataclass(frozen=True, slots=True)
class InForce:
    """Which document a partition is judged by."""

    revision: int
    digest: str


Verdict = Literal["take", "same", "older", "clash", "wrong_hash"]


def judge(event: RulesLoaded, in_force: InForce | None) -> Verdict:
    """Whether a document replaces the one in force: an older one does not; the same revision must be the same."""
    data = event.data
    if document_hash(data.document) != data.hash:
        return "wrong_hash"
    if in_force is None or data.revision > in_force.revision:
        return "take"
    if data.revision < in_force.revision:
        return "older"
    return "same" if data.hash == in_force.digest else "clash"
