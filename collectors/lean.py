"""Keeping the agent small: it runs on every machine, and shares it with what the machine is for."""

import gc
import importlib
import sys
from types import ModuleType
from typing import cast

UNUSED = ("rich", "pygments")
"""What structlog imports where it is installed, for tracebacks on a terminal: 5 MB that an agent has no use for."""


def import_structlog() -> None:
    """Import structlog without what it would import along; call before anything else does."""
    hidden = [name for name in UNUSED if name not in sys.modules]
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    for name in hidden:
        modules[name] = None
    try:
        importlib.import_module("structlog")
    finally:
        for name in hidden:
            del modules[name]


def settle_memory() -> None:
    """Move what is there now out of the garbage collector's sight: modules and settings live as long as the process."""
    gc.collect()
    gc.freeze()
