"""``oxide cherry-pick``."""

from __future__ import annotations

import click

from oxide_cli.completion import revisions
from oxide_cli.moving import tell_merged
from oxide_cli.output import Console
from oxide_cli.verb import json_option, verb


@verb("cherry-pick", "oxide cherry-pick experiment~1", "oxide cherry-pick 3f2a91c4")
@click.argument("revision", metavar="REV", shell_complete=revisions)
@json_option
@click.pass_obj
def command(console: Console, revision: str, as_json: bool) -> int:
    """Commit the changes of a commit again, here.

    The message and the author are kept. What this branch changed in the same place is a conflict: see
    `oxide conflicts`.
    """
    repository = console.repository()
    with console.progress() as progress:
        result = repository.cherry_pick(revision, progress=progress)
    return tell_merged(console, result, as_json, "cherry-pick")
