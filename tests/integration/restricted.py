"""A real sshd whose only key is restricted to the wrapper of deploy/ssh, with lists as an administrator makes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner

from cli.main import build_cli
from tests.sshd import HOST, Sshd, running_sshd

SAMPLES = Path(__file__).parents[2] / "deploy" / "ssh"


@contextmanager
def restricted_sshd(folder: Path, *, more: str = "", sudo: bool = False, path: Path | None = None) -> Iterator[Sshd]:
    """Start it; `more` are further patterns, `path` is where programs are sought first."""
    lists = folder / "lists"
    lists.mkdir()
    asked = ["devices", "lines", *(["--sudo"] if sudo else [])]
    shown = CliRunner().invoke(build_cli(), asked, env={"INFRASTRUCTOR_DATA_DIR": str(folder)})
    assert shown.exit_code == 0, shown.output
    (lists / "lines").write_text(shown.output)
    (lists / "patterns").write_text((SAMPLES / "patterns").read_text() + more)
    wrapper = folder / "infrastructor-shell"
    text = _replaced((SAMPLES / "infrastructor-shell").read_text(), "lists=/etc/infrastructor-shell", f"lists={lists}")
    text = _replaced(text, "seconds=150", "seconds=1")
    if path is not None:
        text = _replaced(text, "\nPATH=", f"\nPATH={path}:")
    wrapper.write_text(text)
    wrapper.chmod(0o755)
    sample = next(line for line in (SAMPLES / "authorized_keys.sample").read_text().splitlines() if line[0] != "#")
    options = sample.partition(" ssh-ed25519")[0]
    options = _replaced(options, "/usr/local/libexec/infrastructor-shell", str(wrapper))
    with running_sshd(folder / "sshd", options=_replaced(options, "192.0.2.10", HOST)) as server:
        yield server


def _replaced(text: str, what: str, by: str) -> str:
    assert text.count(what) == 1, what
    return text.replace(what, by)
