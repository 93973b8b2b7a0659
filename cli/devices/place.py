"""Where the list is, and what the commands need to know to read it."""

from dataclasses import dataclass
from pathlib import Path

from collectors.catalog import NAMES
from collectors.devices.address import split_host
from collectors.devices.load import parse_devices
from collectors.devices.model import DeviceList
from collectors.devices.plan import target_of
from collectors.devices.source import devices_path
from collectors.here import this_device
from collectors.settings import AgentSettings
from collectors.ssh.settings import SshSettings, known_hosts_files
from collectors.ssh.target import Target
from runtime.settings import DataSettings, load


@dataclass(frozen=True, slots=True)
class Place:
    """The settings, the list's file, and the id of this machine."""

    settings: AgentSettings
    ssh: SshSettings
    data_dir: Path
    file: Path
    agent: str

    @classmethod
    def here(cls) -> "Place":
        """Return what the settings say. Raises SettingsInvalid."""
        settings, data_dir = load(AgentSettings), load(DataSettings).data_dir
        return cls(settings, load(SshSettings), data_dir, devices_path(settings, data_dir), this_device(settings).id)

    @property
    def known_hosts(self) -> tuple[Path, ...]:
        """The files of accepted host keys, the one to write first."""
        return known_hosts_files(self.ssh, self.data_dir)

    def listed(self, text: str | None = None) -> DeviceList:
        """Return the list, of a text or of the file; without a file it is empty. Raises InputInvalid."""
        if text is None:
            if not self.file.exists():
                return DeviceList()
            text = self.file.read_text(errors="replace")
        return parse_devices(text, str(self.file), collectors=NAMES, agent=self.agent)

    def target(self, name: str) -> Target:
        """Return where `name` is: a listed device's id, or [user@]host[:port]."""
        listed = self.listed()
        entry = listed.get(name)
        if entry is not None:
            return target_of(entry, listed)
        user, _, where = name.rpartition("@")
        host, port = split_host(where)
        return Target(host, port, user=user or None, name=name)
