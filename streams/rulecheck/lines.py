"""A text of YAML as people write it: what it says, and where in it something stands."""

from collections.abc import Iterable
from typing import Any

import yaml


class Lines:
    """The lines of a document's parts, counted from 1."""

    def __init__(self, text: str) -> None:
        """Read the structure. Raises yaml.YAMLError, also for a key that a mapping has twice."""
        self._root = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_twice(self._root)

    def of(self, path: Iterable[str | int]) -> int:
        """The line of a part, or of the nearest around it that there is; names that are none are passed over."""
        node, line = self._root, 1
        for step in path:
            if isinstance(node, yaml.MappingNode):
                pair = next((one for one in node.value if one[0].value == str(step)), None)
                if pair is not None:
                    line, node = pair[0].start_mark.line + 1, pair[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.start_mark.line + 1
        return line


def read_yaml(text: str) -> tuple[Any, Lines]:
    """What a text says, and its lines. Raises yaml.YAMLError, also for a key that a mapping has twice."""
    lines = Lines(text)
    return yaml.safe_load(text), lines


def _refuse_twice(root: yaml.Node | None) -> None:
    """PyYAML lets the last of equal keys win, without a word; YAML 1.2 has none."""
    left, seen = [] if root is None else [root], set()
    while left:
        node = left.pop()
        # An alias may lead back to what it stands in.
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left += node.value
        elif isinstance(node, yaml.MappingNode):
            _refuse_twice_in(node)
            left += [one for pair in node.value for one in pair]


def _refuse_twice_in(mapping: yaml.MappingNode) -> None:
    lines: dict[tuple[str, str], int] = {}
    for key, _ in mapping.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            continue
        name, line = (key.tag, key.value), key.start_mark.line + 1
        if name in lines:
            said = f"the key {key.value!r} stands here again, first in line {lines[name]}"
            raise yaml.constructor.ConstructorError(None, None, said, key.start_mark)
        lines[name] = line
