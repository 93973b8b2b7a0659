"""A Podman of a test's own: rootful, without a network, its data in one folder, with its API on a socket."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.integration.docker_engine import IMAGE, NoEngine, busybox_image

START_SECONDS = 20.0
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONFIGURATION = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


class Podman:
    """The engine: run containers in it, ask it by program or by socket, stop it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.socket = f"{folder}/podman.sock"
        self._service: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a look needs: a PATH on which this Podman is the only engine."""
        return {"PATH": str(self._folder / "bin"), "LC_ALL": "C", "HOME": str(self._folder)}

    def start(self) -> None:
        """Make its image and serve its API. Raises NoEngine with the reason."""
        (self._folder / "bin").mkdir()
        for program in ("busybox", "sh", "date", "podman"):
            path = shutil.which(program)
            if path is None:
                raise NoEngine(f"{program} is not there: apt-get install podman busybox-static")
            if program != "podman":
                (self._folder / "bin" / program).symlink_to(path)
        if os.geteuid() != 0:
            raise NoEngine("this one wants root")
        self._wrap(shutil.which("podman") or "")
        made = self._podman("import", "--change", "ENV PATH=/bin", "-", IMAGE, given=busybox_image())
        if made.returncode != 0:
            raise NoEngine(f"no image can be made: {_last(made.stderr)}")
        first = self._podman("run", "--rm", "--network", "none", IMAGE, "true")
        if first.returncode != 0:
            raise NoEngine(f"no container runs here: {_last(first.stderr)}")
        self._serve()

    def _wrap(self, podman: str) -> None:
        """Write a `podman` that knows its data, and a runtime that can do with the machine's control groups."""
        # crun refuses the hybrid of both hierarchies, runc does not.
        runtime = 'runtime = "runc"\n' if shutil.which("runc", path=SYSTEM_PATH) else ""
        (self._folder / "containers.conf").write_text(CONFIGURATION + runtime)
        options = f"--root {self._folder}/data --runroot {self._folder}/run --storage-driver vfs"
        wrapper = self._folder / "bin" / "podman"
        wrapper.write_text(
            f"#!/bin/sh\nexport PATH={SYSTEM_PATH} CONTAINERS_CONF={self._folder}/containers.conf\n"
            f'exec {podman} {options} "$@"\n'
        )
        wrapper.chmod(0o755)

    def _serve(self) -> None:
        argv = [f"{self._folder}/bin/podman", "system", "service", "--time", "0", f"unix://{self.socket}"]
        with (self._folder / "log").open("wb") as log:
            self._service = subprocess.Popen(argv, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not Path(self.socket).exists():
            if self._service.poll() is not None or time.monotonic() > deadline:
                raise NoEngine(f"its API did not start: {_last((self._folder / 'log').read_bytes())}")
            time.sleep(0.1)

    def podman(self, *argv: str) -> str:
        """Return what `podman ARGV` prints; fail when it fails."""
        answer = self._podman(*argv)
        assert answer.returncode == 0, answer.stderr.decode()
        return answer.stdout.decode().strip()

    def run(self, name: str, *argv: str, options: tuple[str, ...] = ()) -> None:
        """Start a container without a network."""
        self.podman("run", "-d", "--name", name, "--network", "none", *options, IMAGE, *argv)

    def _podman(self, *argv: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        whole = [f"{self._folder}/bin/podman", *argv]
        return subprocess.run(whole, input=given, capture_output=True, timeout=60, check=False)

    def stop(self) -> None:
        """End all containers and the API. May be called twice."""
        if self._service is not None:
            self._podman("rm", "-af", "-t", "0")
            self._service.terminate()
            self._service.wait(10)
            self._service = None
        with contextlib.suppress(OSError):
            subprocess.run(["umount", f"{self._folder}/data/vfs"], capture_output=True, check=False)


def _last(text: bytes) -> str:
    return (text.decode(errors="replace").strip().splitlines() or ["it says nothing"])[-1][:300]


@contextlib.contextmanager
def podman_engine() -> Iterator[Podman]:
    """A running engine; raises NoEngine."""
    folder = Path(tempfile.mkdtemp(prefix="podman-", dir="/tmp"))
    engine = Podman(folder)
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()
        # Each container's monitor cleans up after it in its own time, and makes folders anew for that.
        for _ in range(3):
            shutil.rmtree(folder, ignore_errors=True)
            time.sleep(0.2)
