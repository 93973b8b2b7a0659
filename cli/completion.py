"""`infrastructor completion bash|zsh|fish`: the script that teaches a shell to complete."""

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command(epilog='For bash: eval "$(infrastructor completion bash)" in ~/.bashrc.')
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of SHELL, to be evaluated in its start file."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}", ctx)
    root = ctx.find_root()
    # The variable is the one that click looks for, made from the program's name.
    script = kind(root.command, {}, "infrastructor", "_INFRASTRUCTOR_COMPLETE")
    click.echo(script.source())
