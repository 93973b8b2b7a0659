"""`infrastructor policies`: the policies of the derivations, checked and shown before they are put into the log."""

import json
from pathlib import Path
from typing import Any

import click

from cli.notify import NAMES as RECEIVERS

FAILED = 1
"""Exit code when something was found."""

_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def policies() -> None:
    """Check and show the policies: when a device is offline, what is not as it should be, who is told."""


@policies.command("check")
@click.argument("file", type=_file, required=False)
def check_command(*, file: Path | None) -> None:
    """Say what is wrong with FILE, with line numbers. Without FILE: with the one that the workers use.

    Exit code 0: nothing; 1: something.
    """
    # Imported here: the command line itself is quick.
    from streams.policies import PolicyFile, check_policies  # noqa: PLC0415

    path = file or _chosen()
    checked = check_policies(_text(path))
    if isinstance(checked, PolicyFile):
        given = ", ".join(name for name, kind in _sections().items() if checked.documents[kind])
        click.echo(f"{path}: revision {checked.policies.revision}, sections: {given or 'none, all defaults'}")
        for name in sorted(set(checked.policies.notifications.receivers) - set(RECEIVERS)):
            click.echo(f"{path}: note: no sink of Infrastructor tells {name!r}: something else must, or nobody is told")
        return
    for one in checked:
        click.echo(f"{path}:{one.line}: error: {one.message}")
    click.echo("1 error" if len(checked) == 1 else f"{len(checked)} errors")
    raise SystemExit(FAILED)


@policies.command("show")
@click.argument("file", type=_file, required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show_command(*, file: Path | None, as_json: bool) -> None:
    """Show what holds by FILE, defaults included, as a whole file. Without FILE: by the one that the workers use."""
    import yaml  # noqa: PLC0415

    from streams.policies import load_policies  # noqa: PLC0415

    path = file or _chosen()
    read = load_policies(path)
    whole: dict[str, Any] = read.policies.model_dump(mode="json", by_alias=True)
    if as_json:
        click.echo(json.dumps(whole))
        return
    click.echo(f"# {path}; what it leaves out has its default")
    click.echo(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, default_flow_style=False, width=118).rstrip())


def _chosen() -> Path:
    from runtime.settings import load  # noqa: PLC0415
    from streams.settings import StreamsSettings, default_policies  # noqa: PLC0415

    return load(StreamsSettings).policies_file or default_policies()


def _sections() -> dict[str, Any]:
    from streams.policies import SECTIONS  # noqa: PLC0415

    return dict(SECTIONS)


def _text(path: Path) -> str:
    from runtime.errors import InputInvalid  # noqa: PLC0415

    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputInvalid(f"{path} cannot be read: {error.strerror}", operation="check policies") from error
