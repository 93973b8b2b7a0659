"""Where an SSH device is and who we are there; the pool keeps one connection for each."""

from dataclasses import dataclass
from pathlib import Path

PORT = 22


@dataclass(frozen=True, slots=True)
class Target:
    """`user` None: the one that runs the agent; `key` None: ssh-agent and the default keys; a `.pub`: that one of
    ssh-agent's. `jump` is the host that the way leads over. `name` is what people call it:
    two names are two connections."""

    host: str
    port: int = PORT
    user: str | None = None
    key: str | None = None
    jump: "Target | None" = None
    name: str = ""

    @property
    def address(self) -> str:
        """Host and port as they are written in one word."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def key_file(self) -> str | None:
        """The path of the key, `~` resolved."""
        return None if self.key is None else str(Path(self.key).expanduser())

    @property
    def called(self) -> str:
        """The name by which the commands of the command line take it."""
        return self.name or self.host
