"""A Docker engine of a test's own: dockerd without a network, its data in one folder, an image of busybox alone."""

import contextlib
import io
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

IMAGE = "busybox:test"
APPLETS = ("sh", "sleep", "true", "false", "echo")
START_SECONDS = 30.0


class NoEngine(Exception):
    """Why there can be none here."""


def busybox_image() -> bytes:
    """Return the files of an image of busybox alone, as a tar archive."""
    busybox = Path(shutil.which("busybox") or "")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(busybox.resolve(), "bin/busybox")
        for applet in APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return archive.getvalue()


class Engine:
    """The engine: run containers in it, ask it, stop it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a look needs: a PATH on which Docker is the only engine, and where it listens."""
        return {"PATH": str(self._folder / "bin"), "DOCKER_HOST": self.host, "LC_ALL": "C", "HOME": str(self._folder)}

    @property
    def socket(self) -> str:
        """The path of its socket."""
        return self.host.removeprefix("unix://")

    def start(self) -> None:
        """Start it and make its image. Raises NoEngine with the reason."""
        for program in ("dockerd", "docker", "busybox", "sh", "date"):
            path = shutil.which(program)
            if path is None:
                raise NoEngine(f"{program} is not there: apt-get install docker.io busybox-static")
            (self._folder / "bin").mkdir(exist_ok=True)
            (self._folder / "bin" / program).symlink_to(path)
        if os.geteuid() != 0:
            raise NoEngine("dockerd wants root")
        self._spawn()
        self._wait()
        self._import()
        first = self._docker("run", "--rm", "--network", "none", IMAGE, "true")
        if first.returncode != 0:
            raise NoEngine(f"no container runs here: {_last(first.stderr)}")

    def _spawn(self) -> None:
        folders = [
            f"--data-root={self._folder}/data",
            f"--exec-root={self._folder}/exec",
            f"--pidfile={self._folder}/pid",
        ]
        argv = [
            "dockerd",
            "--iptables=false",
            "--ip6tables=false",
            "--bridge=none",
            "-s",
            "vfs",
            "-H",
            self.host,
            *folders,
        ]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self._docker("version").returncode != 0:
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise NoEngine(f"dockerd did not start: {_last((self._folder / 'log').read_bytes())}")
            time.sleep(0.2)

    def _import(self) -> None:
        made = self._docker("import", "--change", "ENV PATH=/bin", "-", IMAGE, given=busybox_image())
        if made.returncode != 0:
            raise NoEngine(f"no image can be made: {_last(made.stderr)}")

    def docker(self, *argv: str) -> str:
        """Return what `docker ARGV` prints; fail when it fails."""
        answer = self._docker(*argv)
        assert answer.returncode == 0, answer.stderr.decode()
        return answer.stdout.decode().strip()

    def run(self, name: str, *argv: str, options: tuple[str, ...] = ()) -> None:
        """Start a container without a network."""
        self.docker("run", "-d", "--name", name, "--network", "none", *options, IMAGE, *argv)

    def _docker(self, *argv: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        whole = ["docker", *argv]
        return subprocess.run(whole, input=given, capture_output=True, env=self.environment, timeout=60, check=False)

    def stop(self) -> None:
        """End all containers and the engine. May be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                ids = self._docker("ps", "-aq", "--no-trunc").stdout.decode().split()
                self._docker("rm", "-f", *ids)
            process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            # Its containerd is in the session that it leads.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _last(text: bytes) -> str:
    return (text.decode(errors="replace").strip().splitlines() or ["it says nothing"])[-1][:300]


@contextlib.contextmanager
def docker_engine() -> Iterator[Engine]:
    """A running engine; raises NoEngine. Its folder has a short name: a socket's path has 107 bytes at most."""
    folder = Path(tempfile.mkdtemp(prefix="docker-", dir="/tmp"))
    engine = Engine(folder)
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()
        shutil.rmtree(folder, ignore_errors=True)
