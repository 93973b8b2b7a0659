"""A compose file without its secrets: in what was parsed, and in its text.

What is a secret is seen by where a value stands, aliases and merge keys followed; where it stands in the text, it is
masked there. Comments, and everything between values, are masked as prose.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from collectors.compose_files.nodes import Mapping, Node, Read, Scalar, Sequence, is_merge, merged
from collectors.errors import ParseError
from collectors.secrets import (
    MASK,
    MOST_KNOWN,
    Known,
    masked_comment,
    masked_entry,
    masked_secret,
    masked_text,
    masked_words,
    names_secret,
)

_NAMED = frozenset({"services", "networks", "volumes", "configs", "secrets", "models"})
"""Sections whose keys are names that people gave: a service may be called `token`."""
_NAMED_OF_A_SERVICE = frozenset({"networks", "depends_on", "volumes_from", "models"})
_STRUCTURE = frozenset({"secrets", "credential_spec"})
"""Keys of the specification that sound like secrets and name files or other secrets."""
_COMMANDS = frozenset({"command", "entrypoint", "test"})
"""Keys whose texts a shell reads: `PGPASSWORD=x pg_isready` ends its secret at the blank."""

Path = tuple[str, ...]
"""The keys that lead to a value."""

# A value's place in the text begins with its anchor and its tag.
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_COMMENT = re.compile(r"(?<!\S)#.*")


@dataclass(slots=True)
class _Found:
    """What is to stand for a value, by its id; a value in two places is masked when one of them is a secret's."""

    texts: dict[int, str] = field(default_factory=dict)
    values: list[str] = field(default_factory=list)
    seen: set[tuple[int, Path]] = field(default_factory=set)

    def put(self, node: Scalar, text: str, *, secret: str | None = None) -> None:
        """Say what stands for a value; `secret` is what was in it, to be sought elsewhere."""
        if text != node.text and self.texts.get(id(node)) != MASK:
            self.texts[id(node)] = text
            if secret is not None:
                self.values.append(secret)


@dataclass(frozen=True, slots=True)
class Masked:
    """A document without secrets: as data, merge keys resolved, and as text."""

    content: Any
    text: str


def mask(read: Read, text: str, *, section: str) -> Masked:
    """Return a document without its secrets. ParseError when it has more of them than can be sought."""
    found = _Found()
    _seek(read.top, (), found)
    known = Known(found.values)
    if len(known.values) > MOST_KNOWN:
        raise ParseError(f"has more than {MOST_KNOWN} secrets, and is not told", section=section)
    return Masked(_told(read.top, found, known), _text(read, text, found, known))


def _seek(node: Node, path: Path, found: _Found) -> None:
    """Find the secrets under a node, by the keys that lead to it."""
    # What merge keys bring is met here and where it stands: without this, merges in merges would double the work.
    if (id(node), path) in found.seen:
        return
    found.seen.add((id(node), path))
    match node:
        case Scalar():
            is_command = bool(path) and path[-1] in _COMMANDS
            found.put(node, masked_text(node.text) if is_command else masked_entry(node.text))
        case Mapping():
            for key, value in (*merged(node), *(one for one in node.items if is_merge(one[0]))):
                # What a merge key leads to may hold what its mapping overrides: it stands in the text all the same.
                if not is_merge(key) and _is_secret(path, key.text):
                    _hide(value, key.text, found)
                else:
                    _seek(value, path if is_merge(key) else (*path, key.text), found)
        case Sequence():
            _seek_in_list(node, path, found)


def _seek_in_list(node: Sequence, path: Path, found: _Found) -> None:
    values = [item for item in node.items if isinstance(item, Scalar)]
    for value, text in zip(values, masked_words([value.text for value in values]), strict=True):
        name, equals, secret = value.text.partition("=")
        is_entry = bool(equals) and text.startswith(f"{name}=")
        # Whole words that are masked are secrets; of `NAME=secret`, what stands behind the sign.
        found.put(value, text, secret=secret if is_entry else value.text if text == MASK else None)
    for item in node.items:
        if not isinstance(item, Scalar):
            _seek(item, path, found)


def _hide(node: Node, name: str, found: _Found) -> None:
    """Mask everything under a node whose key says that it is a secret."""
    match node:
        case Scalar():
            found.put(node, masked_secret(name, node.text) if _may_be_secret(node) else node.text, secret=node.text)
        case Mapping():
            for key, value in merged(node):
                _hide(value, f"{name}_{key.text}", found)
        case Sequence():
            for item in node.items:
                _hide(item, name, found)


def _may_be_secret(node: Scalar) -> bool:
    return node.value is not None and not isinstance(node.value, bool)


def _is_secret(path: Path, key: str) -> bool:
    if len(path) == 1 and path[0] in _NAMED:
        return False
    if len(path) == 3 and path[0] == "services" and path[2] in _NAMED_OF_A_SERVICE:
        return False
    if len(path) == 2 and path[0] in {"configs", "secrets"} and key == "content":
        return True
    if key in _STRUCTURE and (not path or (path[0] == "services" and (len(path) == 2 or path[2:] == ("build",)))):
        return False
    return names_secret(key)


def _told(node: Node, found: _Found, known: Known) -> Any:
    match node:
        case Scalar():
            text = found.texts.get(id(node))
            if text is not None:
                return known(text)
            return known(node.value) if isinstance(node.value, str) else node.value
        case Mapping():
            if node.tag == "!reset":
                return None
            return {known(key.text): _told(value, found, known) for key, value in merged(node)}
        case Sequence():
            return None if node.tag == "!reset" else [_told(item, found, known) for item in node.items]


def _text(read: Read, text: str, found: _Found, known: Known) -> str:
    done, parts = 0, []
    for node in read.scalars:
        parts.append(_without_comments(text[done : node.start], known))
        parts.append(_written(node, text[node.start : node.end], found, known))
        done = node.end
    parts.append(_without_comments(text[done:], known))
    return "".join(parts)


def _written(node: Scalar, raw: str, found: _Found, known: Known) -> str:
    """Return a value as it stands in the text, or masked; then in quotes when it was no plain line."""
    properties = _PROPERTIES.match(raw)
    before = raw[: properties.end()] if properties is not None else ""
    return before + _rewritten(node, raw[len(before) :], found, known)


def _rewritten(node: Scalar, raw: str, found: _Found, known: Known) -> str:
    text = known(found.texts.get(id(node), node.text))
    if text == node.text:
        header, end, rest = raw.partition("\n")
        return f"{_without_comments(header, known)}{end}{rest}" if raw[:1] in {"|", ">"} and not node.plain else raw
    if raw == node.text:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    kept = raw[len(raw.rstrip()) :] if not node.plain and raw[:1] in {"|", ">"} else ""
    return f"{quoted}{kept}"


def _without_comments(between: str, known: Known) -> str:
    if "#" not in between:
        return known(between)
    if "PRIVATE KEY" in between:
        return _COMMENT.sub(f"# {MASK}", between)
    return known(_COMMENT.sub(lambda comment: masked_comment(comment[0]), between))
