"""Every command that any collector ever asks of a device: the first ones of the registry, and what answers lead to."""

import json
from collections.abc import Iterator

from collectors.catalog import planned_looks
from collectors.chain import elevated
from collectors.request import Chain, argv_of
from collectors.settings import AgentSettings

ID = "4fa2635b4dae" * 5 + "4fa2"
ENGINES = (
    f'clock 1764000000.5\ndocker {{"Server": {{"Version": "27.5"}}}}\n{ID}\n{ID[::-1]}\n'
    f'podman {{"Client": {{"Version": "5.4"}}}}\n{ID}\n'
)
LINKS = [
    {"ifname": name, "link_type": "ether", **({"linkinfo": {"info_kind": kind}} if kind else {})}
    for name, kind in (
        ("eth0", ""),
        ("enp3s0f1np1", ""),
        ("eth0.100", "vlan"),
        ("br-4fa2635b4dae", "bridge"),
        (".x", ""),
    )
]
UNITS = "\n".join(
    f"{unit} loaded active running x"
    for unit in ("ssh.service", "-.mount", "getty@tty1.service", r"dev-disk-by\x2duuid-A.swap", "a:b_c.timer")
)
DRIVES = [
    {"name": "/dev/sda", "type": "sat"},
    {"name": "/dev/nvme0", "type": "nvme"},
    {"name": "/dev/bus/0", "type": "megaraid,12"},
    {"name": "/dev/bus/1", "type": "sat+megaraid,3"},
    {"name": "/dev/sg2", "type": "areca,1/2"},
    {"name": "/dev/sdb", "type": "jmb39x-q,0"},
    {"name": "/dev/disk/by-path/pci-0000_00"},
]
COMPOSE = (
    "label shop\t/home/ada/shop\tcompose.yaml,compose.override.yml\n"
    "label a b\t/srv/with a blank\tcompose.yaml\nlabel c\t/srv/.hidden/v1.2\t.compose.yml\n"
    "file /opt/a-b_c@d+e/compose.yaml\nfile /srv/100%/docker-compose.yml\n"
)
PACKAGES = [
    "1 /usr/bin/apt-get\n1 /var/lib/dpkg/status\n1 /run/reboot-required\n1 /run/reboot-required.pkgs\n1 /lib/modules\n",
    "1 /usr/bin/dnf\n1 /var/lib/rpm\n",
    "1 /sbin/apk\n1 /lib/apk/db/installed\n",
    "1 /usr/bin/pacman\n1 /var/lib/pacman/local\n",
]
ANSWERS = {
    "containers": [ENGINES],
    "network": [json.dumps(LINKS), "1: lo: <LOOPBACK,UP> mtu 65536\n"],
    "services": [UNITS],
    "zfs": ["zfs-2.1.11-1\n", "zfs-2.3.0-1\n"],
    "drives": [json.dumps({"devices": DRIVES})],
    "packages": PACKAGES,
    "compose_files": [COMPOSE],
}
"""What the first program of a look may say, every kind of it that leads to other commands."""


def asked(*, sudo: bool = False) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each collector's name with each argument vector, as they are sent over SSH."""
    for planned in planned_looks(AgentSettings()):
        look, programs = planned.look, planned.look.sudo if sudo else ()
        asks = look.request
        yield look.name, argv_of(elevated(asks.first if isinstance(asks, Chain) else asks, programs))
        if isinstance(asks, Chain):
            for answer in ANSWERS[look.name]:
                yield from ((look.name, argv_of(elevated(command, programs))) for command in asks.then(answer))
