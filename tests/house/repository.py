"""The repository as the house tests see it: the files under version control."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "runtime", "collectors", "streams", "sinks", "replay", "cli", "deploy")


@cache
def files() -> tuple[Path, ...]:
    """All files, relative to the root; without git, what is not hidden and not built."""
    try:
        command = ["git", "ls-files", "-z"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        found = [Path(name) for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
        found = [path for path in found if not any(part.startswith((".", "__pyc")) for part in path.parts)]
    return tuple(sorted(path for path in found if (ROOT / path).is_file()))


def modules() -> list[Path]:
    """All Python files."""
    return [path for path in files() if path.suffix == ".py"]


def text(path: Path) -> str:
    """A file's text; that of a file that is none is empty."""
    try:
        return (ROOT / path).read_text()
    except UnicodeDecodeError:
        return ""
