"""What the broker and the database have in common: prepared, started, asked whether they answer, ended."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from deploy.local.errors import LocalStackFailed, written_to
from deploy.local.leftovers import Mark
from deploy.local.ports import holder, is_free
from deploy.local.process import Child, await_ready, put_aside
from runtime.errors import PortTaken
from runtime.supervise import ChildSpec

START_SECONDS = 60.0
STOP_SECONDS = 5.0

SERVERS = 0
"""Group of the supervisor: servers are stopped after those that use them."""


class Server(ABC):
    """A server process of one folder: `prepare` gives a supervisor its specification; the rest runs it standalone.

    All methods block, and none may be called by two threads at once. `spawn` and `start` must be called from a thread
    that outlives the server (see `Child`).
    """

    name: ClassVar[str]

    def __init__(self, folder: Path, *, port: int) -> None:
        self.folder = folder.absolute()
        self.port = port
        self._child: Child | None = None

    @abstractmethod
    def make(self) -> ChildSpec:
        """Make what the server needs, once; return how to start it. Raises LocalStackFailed. Repeatable."""

    @abstractmethod
    def answers(self) -> bool:
        """Tell whether it serves clients now; takes at most 2 s. Never raises."""

    @property
    @abstractmethod
    def mark(self) -> Mark:
        """What its command line has that no other process's has."""

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.folder / "log" / f"{self.name}-output.log"

    @property
    def pid(self) -> int | None:
        """Process id while it runs standalone."""
        return self._child.pid if self._child is not None and self._child.alive() else None

    def prepare(self) -> ChildSpec:
        """Make what the server needs, and room for its output; return how to start it. Raises LocalStackFailed."""
        with written_to(self.folder):
            self.log.parent.mkdir(parents=True, exist_ok=True)
            put_aside(self.log)
            return self.make()

    def start(self) -> None:
        """Start, and return when it answers. Raises LocalStackFailed, PortTaken. Repeatable after `stop` or `kill`."""
        self.spawn(self.prepare())
        try:
            self.wait_ready()
        except BaseException:
            self.kill()
            raise

    def spawn(self, spec: ChildSpec) -> None:
        """Start what `prepare` returned, without waiting."""
        self._child = Child(spec, log=self.log)

    def wait_ready(self, alive: Callable[[], bool] | None = None) -> None:
        """Block until it answers. Raises LocalStackFailed when it ends (not `alive()`) or takes longer than 60 s.

        PortTaken when it ended because something else has come to listen on its port.
        """
        alive = alive or self._alive
        try:
            await_ready(self.name, self.answers, alive=alive, log=self.log, within=START_SECONDS)
        except LocalStackFailed as error:
            if not alive() and not is_free(self.port):
                by = holder(self.port) or "another process"
                message = f"port {self.port} was taken by {by} before the {self.name} could have it: start again"
                raise PortTaken(message, operation=error.operation, port=self.port) from error
            raise

    def stop(self) -> None:
        """Shut down in order, killed after 5 s. Nothing happens when it does not run."""
        if self._child is not None:
            self._child.stop(within=STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL, as a crash would. The next `start` recovers."""
        if self._child is not None:
            self._child.kill()

    def _alive(self) -> bool:
        return self.pid is not None
