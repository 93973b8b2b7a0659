"""A YAML document as plain data, with the line of each part: errors name the line that people have to change."""

from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from runtime.errors import InputInvalid

OPERATION = "read devices"
DEEPEST = 20
LARGEST = 1_000_000
"""Parts of a document: aliases of aliases make a small file a large one."""
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """Data, and the line (from 1) of each part by its place: keys and indexes from the top."""

    file: str
    data: Any
    lines: dict[Place, int] = field(repr=False)

    def line(self, place: Place) -> int:
        """Return the line of a place, or of the nearest place around it."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 1)

    def wrong(self, place: Place, what: str) -> InputInvalid:
        """Return the error for something wrong at a place."""
        line = self.line(place)
        return InputInvalid(f"{self.file}, line {line}: {what}", operation=OPERATION, file=self.file, line=line)


def read_document(text: str, file: str) -> Document:
    """Return the only document of a text. Raises InputInvalid with the line: no YAML, a key twice, aliases."""
    lines: dict[Place, int] = {(): 1}
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        data = _built(loader, node, (), Document(file, None, lines)) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = error.problem or "is not YAML"
        raise InputInvalid(f"{file}, line {line}: {what}", operation=OPERATION, file=file, line=line) from error
    except (yaml.YAMLError, ValueError) as error:
        raise InputInvalid(f"{file}: is not YAML ({error})", operation=OPERATION, file=file) from error
    finally:
        loader.dispose()
    return Document(file, data, lines)


def _built(loader: yaml.SafeLoader, node: Node, place: Place, document: Document) -> Any:
    document.lines[place] = node.start_mark.line + 1
    if len(place) > DEEPEST or len(document.lines) > LARGEST:
        raise document.wrong(place, "is nested too deeply, or too large")
    match node:
        case MappingNode():
            return _mapping(loader, node, place, document)
        case SequenceNode():
            return [_built(loader, one, (*place, index), document) for index, one in enumerate(node.value)]
        case ScalarNode():
            return loader.construct_object(node)
        case _:
            raise document.wrong(place, "is neither a mapping, a list nor a value")


def _mapping(loader: yaml.SafeLoader, node: MappingNode, place: Place, document: Document) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value if isinstance(key_node, ScalarNode) else None
        line = key_node.start_mark.line + 1
        if key is None or key == "<<":
            document.lines[(*place, "?")] = line
            raise document.wrong((*place, "?"), "a key is a plain word here")
        at = (*place, key)
        if key in data:
            document.lines[at] = line
            raise document.wrong(at, f"{key} is given twice")
        data[key] = _built(loader, value_node, at, document)
        document.lines[at] = line
    return data
