"""``oxide completion``."""

from __future__ import annotations

import click

from oxide_cli.output import Console
from oxide_cli.verb import verb


@verb(
    "completion",
    'eval "$(oxide completion bash)"       # in ~/.bashrc',
    'eval "$(oxide completion zsh)"        # in ~/.zshrc',
    "oxide completion fish > ~/.config/fish/completions/oxide.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    It completes verbs, flags, paths, branches and tags.
    """
    from click.shell_completion import get_completion_class

    from oxide_cli.main import COMPLETION_VARIABLE, PROGRAM

    console: Console = context.obj
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(context.find_root().command, {}, PROGRAM, COMPLETION_VARIABLE)
    # The template itself, not source(): that one runs the shell to ask for its version.
    console.data((script.source_template % script.source_vars()).rstrip("\n"))
