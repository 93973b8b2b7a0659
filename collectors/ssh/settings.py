"""The settings of SSH."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from runtime.settings import Concern
from runtime.settings.concern import CommaList


class SshSettings(Concern):
    """SSH: how devices are reached, and whose keys are accepted."""

    group: ClassVar[str] = "SSH"
    title: ClassVar[str] = "SSH"

    known_hosts: CommaList = Field(
        (),
        description="Files of accepted host keys; without it known_hosts of the data folder (where `devices trust` "
        "writes), ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts.",
        examples=["/etc/infrastructor/known_hosts"],
    )
    connect_s: float = Field(
        10, ge=0.1, le=300, description="Seconds until a device must have taken a connection.", examples=["10"]
    )
    handshake_s: float = Field(
        10, ge=0.1, le=300, description="Seconds that key exchange and login may take.", examples=["10"]
    )
    handshakes: int = Field(
        10,
        ge=1,
        le=1000,
        description="Handshakes at once, over all devices: they cost processor time.",
        examples=["10"],
    )
    sessions: int = Field(
        8, ge=1, le=100, description="Commands at once on a device; sshd allows 10 by default.", examples=["8"]
    )
    keepalive_s: float = Field(
        30,
        ge=1,
        le=3600,
        description="Seconds of silence after which a connection is asked for a sign.",
        examples=["30"],
    )


def known_hosts_files(settings: SshSettings, data_dir: Path) -> tuple[Path, ...]:
    """Return the files of accepted host keys; the first is the one that is written to."""
    if settings.known_hosts:
        return tuple(Path(name).expanduser() for name in settings.known_hosts)
    return data_dir / "known_hosts", Path("~/.ssh/known_hosts").expanduser(), Path("/etc/ssh/ssh_known_hosts")
