"""Running a command as `nobody` when we are root: PostgreSQL refuses to run as root."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.local.errors import LocalStackFailed

NOBODY = 65534


def is_root() -> bool:
    """Tell whether this process runs as root."""
    return os.geteuid() == 0


def own_by_nobody(path: Path) -> None:
    """Give a file or folder to the unprivileged user when we are root; its folders above stay as they are."""
    if is_root():
        os.chown(path, NOBODY, NOBODY)


def unprivileged(*, executable: Path, folder: Path) -> tuple[str, ...]:
    """Return the prefix that runs a command as `nobody` when we are root, else nothing. Raises LocalStackFailed.

    A virtual environment or a data folder often lies below a folder closed to others (/root). Then, and only then,
    the command is let through closed folders by the capability DAC_READ_SEARCH (capabilities(7)): it can read and
    search what root can, and write only what is `nobody`'s. PostgreSQL looks for its programs with access(2), which
    leaves capabilities out unless the secure bit NO_SETUID_FIXUP is set.
    """
    if not is_root():
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise LocalStackFailed(
            "PostgreSQL does not run as root, and util-linux's `setpriv` is not there to start it as nobody: "
            "start as an ordinary user, or install util-linux",
            operation="start database",
        )
    # Changing the user clears the signal that the parent's end would send (prctl(2)): asked for again in one go.
    plain = (setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--pdeathsig=INT")
    capable = ("--securebits=+no_setuid_fixup", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    reading = (*plain, *capable)
    for prefix in (plain, reading):
        if _can_reach(prefix, executable=executable, folder=folder):
            return prefix
    raise LocalStackFailed(
        f"PostgreSQL does not run as root, and as nobody it cannot reach {executable} and {folder}: start as an "
        "ordinary user, or set INFRASTRUCTOR_DATA_DIR to a folder that others may enter",
        operation="start database",
    )


def _can_reach(prefix: Sequence[str], *, executable: Path, folder: Path) -> bool:
    """Try it: starting the program proves its path and its libraries', `stat` the folder's.

    Not `test`: it asks access(2), which leaves capabilities out.
    """
    for command in ((str(executable), "--version"), ("stat", str(folder))):
        if subprocess.run((*prefix, *command), cwd="/", capture_output=True, check=False).returncode:
            return False
    return True
