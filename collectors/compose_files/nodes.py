"""YAML as nodes that know where they stand, read from libyaml's events within bounds, without building any object.

Source of the format: YAML 1.2 and the merge key of 1.1; the Compose Specification, 13-merge.md for `!reset` and
`!override`. Values resolve by the core schema of 1.2 as Compose's own reader does: `22:22` and `yes` are texts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from collectors.errors import ParseError

MOST_NODES = 50_000
"""Aliases counted as what they stand for: a few lines of aliases of aliases can be billions of nodes."""
DEEPEST = 40

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"
_TAGS = frozenset({"str", "int", "float", "bool", "null", "map", "seq", "merge"})
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
RESET = "!reset"
OVERRIDE = "!override"
MERGE = "<<"


@dataclass(slots=True, eq=False)
class Scalar:
    """A value: characters `start` to `end` of the text; `plain` when it has no quotes and is no block."""

    text: str
    plain: bool
    start: int
    end: int
    line: int
    tag: str | None = None
    weight: int = 1
    depth: int = 1

    @property
    def value(self) -> str | int | bool | None:
        """The value itself. Numbers with a point stay texts: what is written is what is told."""
        if self.tag in {RESET, "null"}:
            return None
        if self.tag == "str" or not self.plain:
            return self.text
        if self.text in _NULLS:
            return None
        if self.text in _FLAGS:
            return _FLAGS[self.text]
        # Longer numbers, and those with a zero in front such as a file's mode, are told as they are written.
        return int(self.text) if _INTEGER.fullmatch(self.text) else self.text


@dataclass(slots=True, eq=False)
class Collection:
    """A mapping or a sequence, open or complete."""

    line: int
    tag: str | None
    anchor: str | None
    weight: int = 1
    depth: int = 1


@dataclass(slots=True, eq=False)
class Mapping(Collection):
    """Keys and what they lead to, merge keys among them."""

    items: "list[tuple[Scalar, Node]]" = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    key: Scalar | None = None


@dataclass(slots=True, eq=False)
class Sequence(Collection):
    """A list."""

    items: "list[Node]" = field(default_factory=list)


Node = Scalar | Mapping | Sequence


@dataclass(frozen=True, slots=True)
class Read:
    """A document: its top, and every value in it in the order of the text."""

    top: Node
    scalars: tuple[Scalar, ...]


class _Builder:
    """Takes events, one after the other. ParseErrors name the line and quote nothing: what is there may be a secret."""

    def __init__(self, section: str) -> None:
        self._section = section
        self._open: list[Mapping | Sequence] = []
        self._anchors: dict[str, Node] = {}
        self.scalars: list[Scalar] = []
        self.top: Node | None = None

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.MappingStartEvent):
            self._begin(Mapping(line, self._tag(event, line), event.anchor))
        elif isinstance(event, yaml.SequenceStartEvent):
            self._begin(Sequence(line, self._tag(event, line), event.anchor))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            complete = self._open.pop()
            self._put(complete, complete.anchor, line)
        elif isinstance(event, yaml.AliasEvent):
            node = self._anchors.get(event.anchor or "")
            if node is None:
                raise self._wrong("an alias whose anchor does not stand, complete, before it", line)
            self._put(node, None, line)
        elif isinstance(event, yaml.DocumentStartEvent) and self.top is not None:
            raise self._wrong("a second document", line)

    def _scalar(self, event: Any, line: int) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        # libyaml's binding says '' of a plain value where PyYAML's own reader says None.
        node = Scalar(event.value or "", not event.style, start, end, line, self._tag(event, line))
        self.scalars.append(node)
        if len(self.scalars) > MOST_NODES:
            raise self._too_large(line)
        self._put(node, event.anchor, line)

    def _tag(self, event: Any, line: int) -> str | None:
        """Return what a tag means here: None nothing, `str` or `null` what the value is, or one of Compose's own."""
        tag = event.tag
        if tag is None or tag in {RESET, OVERRIDE}:
            return tag if isinstance(tag, str) else None
        if tag == "!":
            return "str"
        short = str(tag).removeprefix(_STANDARD)
        if short not in _TAGS or short == tag:
            raise self._wrong("a tag that no compose file has", line)
        return short if short in {"str", "null"} else None

    def _begin(self, node: Mapping | Sequence) -> None:
        self._open.append(node)
        if len(self._open) > DEEPEST:
            raise self._wrong(f"nested deeper than {DEEPEST}", node.line)

    def _put(self, node: Node, anchor: str | None, line: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self.top = node
            return
        into = self._open[-1]
        into.weight += node.weight
        into.depth = max(into.depth, node.depth + 1)
        if into.weight > MOST_NODES:
            raise self._too_large(line)
        if into.depth > DEEPEST:
            raise self._wrong(f"nested deeper than {DEEPEST}", line)
        if isinstance(into, Sequence):
            into.items.append(node)
        else:
            self._put_in_mapping(into, node, line)

    def _put_in_mapping(self, into: Mapping, node: Node, line: int) -> None:
        if into.key is not None:
            into.items.append((into.key, node))
            into.key = None
            return
        if not isinstance(node, Scalar):
            raise self._wrong("a key that is no text", line)
        if node.text in into.keys:
            raise self._wrong("a key that stands in this mapping already", line)
        into.keys.add(node.text)
        into.key = node

    def _too_large(self, line: int) -> ParseError:
        return self._wrong(f"more than {MOST_NODES} values, aliases counted as what they stand for", line)

    def _wrong(self, what: str, line: int) -> ParseError:
        return ParseError(what, section=self._section, line=line)


def read_yaml(text: str, *, section: str) -> Read:
    """Read one YAML document. ParseError, with the line, when it is none or beyond the bounds."""
    builder = _Builder(section)
    for event in _events(text, section):
        builder.take(event)
    if builder.top is None:
        raise ParseError("is empty", section=section)
    return Read(builder.top, tuple(builder.scalars))


def _events(text: str, section: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else None
        raise ParseError("a character that YAML does not allow", section=section, line=line) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else None
        raise ParseError(_said(error.problem), section=section, line=line) from None
    except yaml.YAMLError as error:
        raise ParseError(f"no YAML ({type(error).__name__})", section=section) from None


def _said(problem: object) -> str:
    """Return what the reader says, without what it quotes of the text."""
    return re.sub(r"""(['"`]).*\1""", "...", str(problem or "no YAML"))[:120]


def merged(node: Mapping) -> Iterator[tuple[Scalar, Node]]:
    """Yield the entries of a mapping with those of its merge keys, which its own go before, the first before others.

    What a merge key leads to must be a mapping or a list of them; anything else is left out, as it adds nothing.
    """
    seen: set[str] = set()
    for key, value in node.items:
        if not is_merge(key):
            seen.add(key.text)
            yield key, value
    for key, value in node.items:
        if is_merge(key):
            for part in value.items if isinstance(value, Sequence) else (value,):
                for inner_key, inner in merged(part) if isinstance(part, Mapping) else ():
                    if inner_key.text not in seen:
                        seen.add(inner_key.text)
                        yield inner_key, inner


def is_merge(key: Scalar) -> bool:
    """Tell whether a key merges: `<<`, not in quotes."""
    return key.text == MERGE and key.plain
