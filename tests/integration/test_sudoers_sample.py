"""The sample of sudoers with the real sudo: it lets a login do what looks ask of it, and nothing else.

It stands in place of /etc/sudoers for these processes alone, in a mount namespace of their own.
"""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from collectors.chain import SUDO
from tests.integration.registry_commands import asked
from tests.integration.restricted import SAMPLES

SAMPLE = SAMPLES / "sudoers.sample"
VISUDO = shutil.which("visudo", path="/usr/sbin:/usr/bin:/sbin:/bin")
LOGIN = "nobody"
needs_visudo = pytest.mark.skipif(VISUDO is None, reason="there is no visudo (Debian: apt-get install sudo)")

ELEVATED = [argv for _, argv in asked(sudo=True) if argv[:2] == SUDO]
PROGRAM = '#!/bin/sh\necho "uid $(id -u)"\nprintf \'<%s>\\n\' "$@"\n'
# sudo looks at who owns its file: in a tmpfs it is root's, whoever owns the checkout.
IN_PLACE = """
set -e
mount -t tmpfs none {folder}
cat > {folder}/sudoers
chmod 0440 {folder}/sudoers
cp -a /usr/bin/id {folder}/
mount --bind {folder}/sudoers /etc/sudoers
mount -t tmpfs none /etc/sudoers.d
mount -t tmpfs none /usr/sbin
printf %s {program} > /usr/sbin/smartctl
chmod 0755 /usr/sbin/smartctl
{run}
"""


@needs_visudo
def test_the_sample_parses() -> None:
    done = subprocess.run([str(VISUDO), "-cf", str(SAMPLE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def as_login(folder: Path, *argvs: tuple[str, ...]) -> list[subprocess.CompletedProcess[str]]:
    """Run each command as a login that the sample is for."""
    folder.chmod(0o755)
    done = []
    for argv in argvs:
        run = shlex.join(["setpriv", "--reuid", LOGIN, "--regid", "nogroup", "--clear-groups", *argv])
        script = IN_PLACE.format(folder=folder, program=shlex.quote(PROGRAM), run=run)
        given = SAMPLE.read_text().replace("infrastructor ALL", f"{LOGIN} ALL")
        whole = ["unshare", "--mount", "sh", "-c", script]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
        done.append(subprocess.run(whole, input=given, capture_output=True, text=True, check=False, env=environment))
    return done


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if os.geteuid() != 0 or VISUDO is None:
        pytest.skip("sudo and root are needed: apt-get install sudo")
    made = tmp_path_factory.mktemp("sudo")
    (probe,) = as_login(made, ("true",))
    if probe.returncode != 0:
        pytest.skip(f"no mount namespace of our own can be had here: {probe.stderr.strip()}")
    return made


def test_what_looks_ask_as_root_is_granted(folder: Path) -> None:
    assert len(ELEVATED) >= 8
    for argv, done in zip(ELEVATED, as_login(folder, *ELEVATED), strict=True):
        wanted = ["uid 0", *(f"<{word}>" for word in argv[3:])]
        assert done.stdout.splitlines() == wanted, (argv, done.stderr)


def test_nothing_else_is_granted(folder: Path) -> None:
    smart = ("smartctl", "-j", "-x", "-n", "standby")
    others = (
        ("id",),
        ("sh", "-c", "id"),
        ("smartctl",),
        ("smartctl", "--scan-open", "-j", "-s", "off"),
        ("smartctl", "--scan-open", "-j", "/dev/sda"),
        (*smart, "/dev/sda", "-s", "off"),
        (*smart, "/dev/../etc/shadow"),
        (*smart, "/etc/shadow"),
        (*smart, "/dev/sda\n-s"),
        (*smart, "-d", "-s", "/dev/sda"),
        (*smart, "-d", "sat -s off", "/dev/sda"),
        ("smartctl", "-s", "off", "/dev/sda"),
        ("-u", "root", "sh"),
        ("-i",),
    )
    for argv, done in zip(others, as_login(folder, *((*SUDO, *argv) for argv in others)), strict=True):
        assert (done.returncode, done.stdout) == (1, ""), argv
        assert "a password is required" in done.stderr, (argv, done.stderr)
