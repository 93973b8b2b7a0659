"""XML read safely into a small tree: no entities of the document's own, nothing fetched, depth and size bounded.

nvidia-smi writes a DOCTYPE with the name of a DTD, which is passed over: expat, as Python has it, loads nothing from
outside unless it is told to. Source: XML 1.0, section 4.
"""

from dataclasses import dataclass, field
from xml.parsers import expat

from collectors.errors import ParseError

MOST_DEPTH = 32
MOST_ELEMENTS = 200_000
MOST_TEXT = 4096
"""Of one element, in characters; there is no value that is longer."""


@dataclass(slots=True)
class Element:
    """An element: its name, the line it begins at, its text, its attributes, those in it."""

    name: str
    line: int
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: "list[Element]" = field(default_factory=list)

    def child(self, *names: str) -> "Element | None":
        """Return the element under these names, one in the other: the first where there are several."""
        found: Element | None = self
        for name in names:
            found = next((one for one in found.children if one.name == name), None) if found is not None else None
        return found

    def all(self, name: str) -> "list[Element]":
        """Return the elements of this name directly in it."""
        return [one for one in self.children if one.name == name]


class _Builder:
    """Builds the tree as expat reads. What is inside elements named in `skipped` is left out."""

    def __init__(self, section: str, skipped: frozenset[str]) -> None:
        self._section = section
        self._skipped = skipped
        self._open: list[Element] = []
        self._depth = 0
        self._outside = 0
        self._count = 0
        self.root: Element | None = None
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.EntityDeclHandler = self._entity

    def refused(self, what: str) -> ParseError:
        return ParseError(what, section=self._section, line=self.parser.CurrentLineNumber)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise self.refused(f"more than {MOST_DEPTH} elements in one another")
        if self._outside or (self._open and name in self._skipped):
            self._outside += 1
            return
        self._count += 1
        if self._count > MOST_ELEMENTS:
            raise self.refused(f"more than {MOST_ELEMENTS} elements")
        element = Element(name, self.parser.CurrentLineNumber, attributes=attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._depth -= 1
        if self._outside:
            self._outside -= 1
        else:
            element = self._open.pop()
            element.text = element.text.strip()

    def _characters(self, text: str) -> None:
        if not self._outside and self._open and len(self._open[-1].text) < MOST_TEXT:
            self._open[-1].text += text[:MOST_TEXT]

    def _entity(self, *_declaration: object) -> None:
        raise self.refused("declares an entity, which nvidia-smi never does")


def read_xml(text: str, *, section: str, skipped: frozenset[str] = frozenset()) -> Element:
    """Return the root of a document. ParseError, with the line, when it is none or is no harmless one."""
    builder = _Builder(section, skipped)
    try:
        builder.parser.Parse(text.encode("utf-8", errors="replace"), True)  # noqa: FBT003 - it has no name: this is all there is
    except expat.ExpatError as error:
        raise ParseError(f"no XML ({expat.ErrorString(error.code)})", section=section, line=error.lineno) from None
    if builder.root is None:
        raise ParseError("no element is there", section=section)
    return builder.root
