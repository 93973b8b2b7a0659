"""A click group that knows its subcommands by name and line of help, and imports one only when it is called."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
from click.shell_completion import CompletionItem


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One subcommand: its name, the module and attribute that hold it, and its line in `--help`."""

    name: str
    module: str
    attribute: str
    help: str


class LazyGroup(click.Group):
    """A group over an explicit table. Listing and completing names import none of them."""

    def __init__(self, name: str, subcommands: Sequence[Subcommand], **attributes: Any) -> None:
        super().__init__(name, **attributes)
        self.subcommands = {subcommand.name: subcommand for subcommand in subcommands}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(self.subcommands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the subcommand of that name; None when there is none."""
        subcommand = self.subcommands.get(cmd_name)
        if subcommand is None:
            return None
        found = getattr(importlib.import_module(subcommand.module), subcommand.attribute)
        if not isinstance(found, click.Command):
            raise TypeError(f"{subcommand.module}.{subcommand.attribute} is no click command")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table's names and lines."""
        with formatter.section("Commands"):
            formatter.write_dl([(one.name, one.help) for one in self.subcommands.values()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names from the table, options as click does."""
        names = [
            CompletionItem(one.name, help=one.help)
            for one in self.subcommands.values()
            if one.name.startswith(incomplete)
        ]
        # Beyond the group's own class lies the completion of options alone; the group's would import every command.
        return names + click.Command.shell_complete(self, ctx, incomplete)
