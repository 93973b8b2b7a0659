"""The compose files of a look."""

from dataclasses import replace

from collectors.compose_files.commands import read_list
from collectors.compose_files.content import content_of, name_of
from collectors.compose_files.masking import mask
from collectors.compose_files.nodes import read_yaml
from collectors.config_files import (
    ConfigFile,
    Configurations,
    Understand,
    Understood,
    bounded,
    first_section,
    is_of_files,
    read_all,
    read_alone,
)

KIND = "compose"


def parse(text: str, *, patterns: tuple[str, ...] = (), meaning: Understand | None = None) -> Configurations:
    """Read the files of a look, or one bare compose file. ParseError when the bare one is none."""
    meaning = meaning or bounded(understood)
    if not is_of_files(text):
        return Configurations(KIND, (read_alone(text, meaning, kind=KIND),))
    listed = read_list(first_section(text))
    paths = frozenset(listed.paths)
    # A text that begins with a file has no list, and did not come from a look as it is.
    wanted = None if text.startswith("==> /") else paths.__contains__
    files = read_all(text, meaning, kind=KIND, enabled=lambda _: True, wanted=wanted)
    # A file that is listed and not read is there, or was a moment ago: nothing is known of it.
    unread = paths - {file.path for file in files}
    return Configurations(
        KIND,
        tuple(_of_project(file, listed.projects) for file in files),
        () if listed.cut else patterns,
        unread,
    )


def _of_project(file: ConfigFile, projects: dict[str, str]) -> ConfigFile:
    """Return a file with its project's name: what running containers say counts before what its folder is called."""
    content = file.content or {}
    project = projects.get(file.path)
    return replace(file, name=project) if project and "name" not in content else file


def understood(path: str, text: str) -> Understood:
    """Return what a compose file means; ParseError with the line when it is none."""
    section = path[:200]
    text = text.removeprefix("\ufeff")
    masked = mask(read_yaml(text, section=section), text, section=section)
    content = content_of(masked.content, section=section)
    return Understood(masked.text, content, name_of(content, path))
