"""Which compose files there are: those that patterns name, and those that running containers' labels name.

One constant script for sh(1), so that a device with Docker, with Podman, or with neither, is one look. It prints
`label <project><tab><working folder><tab><files>` for each running container and `file <path>` for each file that a
pattern names. Sources of the formats: docker-ps(1), podman-ps(1) `--format`; Compose's labels, api/labels.go.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

from collectors.config_files import MAX_FILE_BYTES
from collectors.request import Chain, Command, FileSet

MOST_FILES = 500
PATTERNS = tuple(
    f"{folder}/{name}.{ending}"
    for folder in ("/opt/*", "/srv/*")
    for name in ("compose", "docker-compose")
    for ending in ("yaml", "yml")
)
"""The names that Compose looks for, in the folders under those where services are put."""

_PROJECT = "com.docker.compose.project"
_LABELS = "\\t".join(
    f'{{{{.Label "{label}"}}}}' for label in (_PROJECT, f"{_PROJECT}.working_dir", f"{_PROJECT}.config_files")
)
_SCRIPT = (
    "LC_ALL=C; export LC_ALL; for p in docker podman; do command -v $p >/dev/null 2>&1 && "
    f"$p ps --format 'label {_LABELS}' 2>/dev/null; done; "
    'for f in %s; do [ -f "$f" ] && printf \'file %%s\\n\' "$f"; done; exit 0'
)
# Over SSH a command line is one argument of a shell, which has 128 KiB at most.
_CHUNK = 30
_LONGEST_PATH = 4000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Listed:
    """The files that were found, each once, and their projects as labels say; `cut` when there are more."""

    paths: tuple[str, ...]
    projects: dict[str, str]
    cut: bool = False


def question(patterns: tuple[str, ...]) -> Chain:
    """Return what a look asks. ValueError when a pattern is no absolute path."""
    # Patterns stand in the script as they do in a set of files, and are held to the same letters.
    FileSet(patterns)
    script = _SCRIPT % " ".join(patterns)
    return Chain(Command(("sh", "-c", script)), then)


def then(text: str) -> tuple[Command, ...]:
    """Return what to run after the list: read the files. A file that is not there is missing in the answer."""
    paths = read_list(text).paths
    read = partial(Command, accepted=frozenset({0, 1}))
    return tuple(
        read(("head", "-v", "-c", str(MAX_FILE_BYTES), "--", *paths[start : start + _CHUNK]))
        for start in range(0, len(paths), _CHUNK)
    )


def read_list(text: str) -> Listed:
    """Read what the script printed. What is no compose file by its name is left out: labels are what anybody writes."""
    paths: dict[str, None] = {}
    projects: dict[str, str] = {}
    for line in text.split("\n"):
        kind, _, rest = line.partition(" ")
        if kind == "file" and is_acceptable(rest):
            paths[rest] = None
        elif kind == "label":
            for path, project in _labelled(rest):
                paths[path] = None
                if project:
                    projects.setdefault(path, project)
        if len(paths) > MOST_FILES:
            break
    return Listed(tuple(paths)[:MOST_FILES], projects, cut=len(paths) > MOST_FILES)


def _labelled(rest: str) -> Iterator[tuple[str, str]]:
    fields = rest.split("\t")
    if len(fields) != 3:
        return
    project, folder, files = fields
    for file in files.split(","):
        path = str(PurePosixPath(folder) / file.strip()) if file.strip() else ""
        if is_acceptable(path):
            yield path, project[:255]


def is_acceptable(path: str) -> bool:
    """Tell whether a path may be read: absolute, without steps back, and a YAML file by its name."""
    if not path.startswith("/") or len(path) > _LONGEST_PATH or _CONTROL.search(path):
        return False
    return path.endswith((".yml", ".yaml")) and ".." not in path.split("/")
