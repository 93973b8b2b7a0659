"""`infrastructor schemas`: the JSON Schemas and the AsyncAPI document, written, and compared with what is stored."""

from pathlib import Path

import click

import schemas as package
from schemas.generate import generate

DIFFERS = 1
"""Exit code of `check` when a stored file is not what the models say."""

JSON_FOLDER = Path(package.__file__).parent / "json"

_folder = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=JSON_FOLDER,
    show_default="schemas/json",
    help="Where the documents are kept.",
)


@click.group()
def schemas() -> None:
    """Generate and check the JSON Schemas of the events."""


@schemas.command("generate")
@_folder
def generate_command(*, folder: Path) -> None:
    """Write a JSON Schema for each event type, and the AsyncAPI document; remove those of types that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = generate()
    for path in _stored(folder) - {folder / name for name in wanted}:
        path.unlink()
        click.echo(f"removed {path.name}")
    for name, content in wanted.items():
        (folder / name).write_bytes(content)
    click.echo(f"{len(wanted)} documents in {folder}")


@schemas.command("check")
@_folder
def check_command(*, folder: Path) -> None:
    """Say which stored documents differ from the models. Exit code 0: none; 1: some."""
    differing = differences(folder)
    for line in differing:
        click.echo(line)
    if differing:
        click.echo("infrastructor schemas generate writes them again", err=True)
        raise SystemExit(DIFFERS)
    click.echo("the stored schemas are those of the models")


def differences(folder: Path) -> list[str]:
    """A line for each file of `folder` that is missing, differs, or belongs to no event type."""
    wanted = {folder / name: content for name, content in generate().items()}
    stored = _stored(folder)
    return (
        [f"{path.name} is missing" for path in sorted(wanted.keys() - stored)]
        + [f"{path.name} differs" for path in sorted(wanted.keys() & stored) if path.read_bytes() != wanted[path]]
        + [f"{path.name} is of no event type" for path in sorted(stored - wanted.keys())]
    )


def _stored(folder: Path) -> set[Path]:
    return set(folder.glob("*.json"))
