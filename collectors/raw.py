"""The raw output of looks, kept for a report: it may hold secrets, so the files are their owner's only."""

import os
import re
from datetime import datetime
from pathlib import Path

from runtime.errors import InputInvalid

_NO_NAME = re.compile(r"[^A-Za-z0-9._-]")


def keep_raw(folder: Path, text: str, *, at: datetime, device: str, collector: str) -> Path:
    """Write one look's raw output to `<time>_<device>_<collector>.txt` with mode 0600; return the path. Blocks.

    Raises InputInvalid when it cannot be written.
    """
    stamp = at.strftime("%Y%m%dT%H%M%S.%fZ")
    path = folder / f"{stamp}_{_NO_NAME.sub('-', device)}_{_NO_NAME.sub('-', collector)}.txt"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
            file.write(text)
    except OSError as error:
        why = (error.strerror or "").lower()
        raise InputInvalid(
            f"raw output cannot be kept in {folder} ({why}): name a folder that can be written",
            operation="keep raw output",
        ) from error
    return path
