"""devices.yaml changed by commands: the text stays as its owner wrote it, comments and all, but for the part meant.

What is written was read back first: a file that would not be valid is never written.
"""

import json
import os
import tempfile
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode

from collectors.devices.load import parse_devices, read_text
from collectors.devices.model import Entry
from runtime.errors import InputInvalid

OPERATION = "change devices"
HEAD = """\
# The devices that the agent watches over SSH. It picks up changes within seconds.
# Fields: id, host, user, port, key, jump, groups, parents, labels, collectors, proxy_configs,
# compose_files, enabled; docs/devices.md tells them.
"""


def current_text(path: Path) -> str:
    """Return the text of the file; when there is none, that of one without devices."""
    return read_text(path) if path.exists() else HEAD


def added(text: str, entries: Iterable[Entry], file: str) -> str:
    """Return the text with devices added at the end of the list. Raises InputInvalid for a form that takes none."""
    lines = [line for entry in entries for line in _item(entry)]
    if not lines:
        return text
    listed = _devices_node(text, file)
    if listed is None or not listed.value:
        return _begun(text, listed, lines)
    if listed.flow_style:
        raise InputInvalid(
            f"{file}, line {listed.start_mark.line + 1}: a list in [ ] cannot be added to: write one device a line, "
            "with `- ` before it",
            operation=OPERATION,
        )
    before = text.splitlines()
    at = _end_line(before, listed.value[-1])
    indent = " " * listed.start_mark.column
    return _joined([*before[:at], *(indent + line for line in lines), *before[at:]])


def removed(text: str, device: str, file: str) -> str:
    """Return the text without a device, its own comment lines included. Raises InputInvalid when it is not listed."""
    listed = _devices_node(text, file)
    for node in listed.value if listed is not None else ():
        if _id(node) == device:
            if listed is not None and listed.flow_style:
                raise InputInvalid(f"{file}: a list in [ ] is changed by hand", operation=OPERATION)
            before = text.splitlines()
            start, end = _dash_line(before, node), _end_line(before, node)
            remaining = len(listed.value) - 1 if listed is not None else 0
            if remaining == 0 and listed is not None:
                return _joined(_emptied([*before[:start], *before[end:]]))
            return _joined([*before[:start], *before[end:]])
    raise InputInvalid(f"{file}: there is no device {device!r}", operation=OPERATION)


def write_devices(path: Path, text: str, *, collectors: Collection[str], agent: str | None) -> None:
    """Check a text and put it in the place of the file at once: nobody ever reads half of it. Raises InputInvalid."""
    parse_devices(text, str(path), collectors=collectors, agent=agent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A link stays one: what it points to is replaced.
        target = path.resolve()
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputInvalid(f"{path}: cannot be written ({error.strerror})", operation=OPERATION) from error


def as_data(entry: Entry) -> dict[str, Any]:
    """Return a device as it stands in the file: what is not given is left out."""
    data: dict[str, Any] = {}
    for name, value in entry.model_dump(mode="json", exclude_defaults=True).items():
        if name == "collectors" and not any(value.values()):
            data[name] = list(value)
        elif value is not None:
            data[name] = value
    return {"id": entry.id, **{name: value for name, value in data.items() if name != "id"}}


def _item(entry: Entry) -> list[str]:
    lines = [f"{name}: {_value(value)}" for name, value in as_data(entry).items()]
    return [f"- {lines[0]}", *(f"  {line}" for line in lines[1:])]


def _value(value: object) -> str:
    # JSON is YAML; plain words are written plainly where YAML reads them back as the same.
    if isinstance(value, str) and value.isprintable() and "#" not in value and ": " not in value:
        try:
            if yaml.safe_load(value) == value:
                return value
        except yaml.YAMLError:
            pass
    return json.dumps(value, ensure_ascii=False)


def _devices_node(text: str, file: str) -> SequenceNode | None:
    try:
        top = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise InputInvalid(f"{file}: is not YAML ({error})", operation=OPERATION) from error
    if isinstance(top, MappingNode):
        for key, value in top.value:
            if key.value == "devices" and isinstance(value, SequenceNode):
                return value
    return None


def _begun(text: str, listed: SequenceNode | None, lines: list[str]) -> str:
    """Return the text with a first device: after `devices:`, whatever nothing was written there, or at the end."""
    kept = text.splitlines()
    indented = [f"  {line}" for line in lines]
    for number, line in enumerate(kept):
        if line.startswith("devices:"):
            _, hash_sign, comment = line.partition("#")
            head = f"devices:  #{comment}" if hash_sign else "devices:"
            end = listed.end_mark.line + 1 if listed is not None else number + 1
            return _joined([*kept[:number], head, *indented, *kept[max(end, number + 1) :]])
    return _joined([*kept, "devices:", *indented])


def _emptied(lines: list[str]) -> list[str]:
    return ["devices: []" + line[len("devices:") :] if line.startswith("devices:") else line for line in lines]


def _dash_line(lines: list[str], node: Node) -> int:
    """Return the line with the dash of a list's item: its own, or one before it."""
    at = node.start_mark.line
    if "-" not in lines[at][: node.start_mark.column]:
        at = next((above for above in range(at - 1, -1, -1) if lines[above].lstrip().startswith("-")), at)
    return at


def _end_line(lines: list[str], node: Node) -> int:
    """Return the line after a node's last: the end that YAML gives for a block lies behind the comments that follow."""
    last = node
    while isinstance(last, MappingNode | SequenceNode) and not last.flow_style and last.value:
        last = last.value[-1][1] if isinstance(last, MappingNode) else last.value[-1]
    return max(node.start_mark.line + 1, min(last.end_mark.line + (last.end_mark.column > 0), len(lines)))


def _id(node: Node) -> str | None:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == "id":
                return str(value.value)
    return None


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
