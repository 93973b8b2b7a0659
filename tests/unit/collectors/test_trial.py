"""What a trial says of each collector's programs, on a device that has some of them."""

from dataclasses import dataclass
from typing import Any

import pytest

from collectors.containers.look import containers_look
from collectors.devices.trial import Check, try_device
from collectors.look import Look
from collectors.network.look import network_look
from collectors.packages.look import packages_look
from collectors.request import Command, Request
from collectors.transport import Limits, Output


@dataclass
class HasPrograms:
    """A device with these programs: it answers which of those that it is asked for are there."""

    there: frozenset[str]

    async def fetch(self, request: Request, limits: Limits) -> Output:
        del limits
        assert isinstance(request, Command)
        found = "".join(f"{one}\n" for one in request.argv[4:] if one in self.there)
        return Output(found, len(found))

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("look", "there", "outcome", "detail"),
    [
        (containers_look(), "sh date", "failed", "neither docker nor podman is there"),
        (containers_look(), "sh date podman", "ok", "sh, date, podman"),
        (containers_look(), "sh docker", "failed", "not there: date"),
        (packages_look(), "stat uname apt-get", "ok", "stat, uname, apt-get"),
        (packages_look(), "stat uname", "failed", "neither apt-get nor dnf nor apk nor pacman is there"),
        (network_look(), "ip head", "ok", "ip, head; ss is not there, and optional"),
        (network_look(), "ip ss head", "ok", "ip, ss, head"),
        (network_look(), "ss head", "failed", "not there: ip"),
    ],
)
async def test_programs_of_which_one_will_do_and_that_one_can_do_without(
    look: Look[Any], there: str, outcome: str, detail: str
) -> None:
    checks = await try_device(HasPrograms(frozenset(there.split())), [look], elevates=False)
    assert checks[-1] == Check(f"collector {look.name}", outcome, detail)  # type: ignore[arg-type]
