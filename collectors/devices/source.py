"""Where the list comes from: a file that is asked every few seconds whether it changed."""

import asyncio
from pathlib import Path

from collectors.catalog import NAMES
from collectors.devices.model import DeviceList
from collectors.settings import AgentSettings
from runtime.errors import InputInvalid

FILE_NAME = "devices.yaml"

Stamp = tuple[int, int, int] | None
"""Modified (ns), size, inode; None: there is no file."""


def devices_path(settings: AgentSettings, data_dir: Path) -> Path:
    """Return where the list of devices is."""
    return settings.devices_file or data_dir / FILE_NAME


class DeviceSource:
    """The file. Without one there are no devices, unless a setting names it; one that goes away takes none along."""

    def __init__(self, path: Path, *, agent: str, required: bool = False) -> None:
        """Reads the file. Blocks. Raises InputInvalid with file and line."""
        self.path = path
        self._agent = agent
        self._seen = _stamp(self.path)
        self.first = DeviceList() if self._seen is None and not required else self._load()
        """The list at start."""

    async def changed(self) -> DeviceList | None:
        """Return the list when the file changed since it was last asked; None when it did not.

        Raises InputInvalid, once for each change: the file is wrong, or gone.
        """
        stamp = _stamp(self.path)
        if stamp == self._seen:
            return None
        self._seen = stamp
        if stamp is None:
            raise InputInvalid(
                f"{self.path}: is gone; its devices are watched on. To watch none, write `devices: []` into it",
                operation="read devices",
            )
        return await asyncio.to_thread(self._load)

    def _load(self) -> DeviceList:
        # PyYAML costs 3 MB, which an agent without devices goes without.
        from collectors.devices.load import load_devices  # noqa: PLC0415

        return load_devices(self.path, collectors=NAMES, agent=self._agent)


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
