"""``oxide revert``."""

from __future__ import annotations

import click

from oxide_cli.completion import revisions
from oxide_cli.moving import tell_merged
from oxide_cli.output import Console
from oxide_cli.verb import json_option, verb


@verb("revert", "oxide revert HEAD", "oxide revert 3f2a91c4")
@click.argument("revision", metavar="REV", shell_complete=revisions)
@json_option
@click.pass_obj
def command(console: Console, revision: str, as_json: bool) -> int:
    """Commit the opposite of a commit.

    What the commit changed is changed back in a new commit; history stays as it is. A merge is reverted against its
    first parent. What has changed since in the same place is a conflict: see `oxide conflicts`.
    """
    repository = console.repository()
    with console.progress() as progress:
        result = repository.revert(revision, progress=progress)
    return tell_merged(console, result, as_json, "revert")
