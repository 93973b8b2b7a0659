"""Where in a YAML text something stands."""

from collections.abc import Iterable

import yaml


class Lines:
    """The lines of a document's parts, counted from 1."""

    def __init__(self, text: str) -> None:
        """Read the structure. Raises yaml.YAMLError."""
        self._root = yaml.compose(text, Loader=yaml.SafeLoader)

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
