"""Figures and tables as the `db` commands write them."""

from collections.abc import Iterable, Sequence

import click


def in_bytes(count: float) -> str:
    """A number of bytes for people: 1.5 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def in_rows(count: int) -> str:
    """A number of rows for people: 12,345."""
    return f"{count:,}"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Print lines below a head, columns as wide as they need to be; figures to the right."""
    shown = [tuple(head), *map(tuple, lines)]
    if len(shown) == 1:
        click.echo("  none")
        return
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    right = [all(_figure(line[at]) for line in shown[1:]) for at in range(len(head))]
    for line in shown:
        cells = zip(line, widths, right, strict=True)
        aligned = (cell.rjust(width) if to_right else cell.ljust(width) for cell, width, to_right in cells)
        click.echo(f"  {'  '.join(aligned)}".rstrip())


def _figure(cell: str) -> bool:
    return not cell or cell[0].isdigit()
