"""``oxide revert``."""

from __future__ import annotations

import click

from oxide_cli.completion import revisions
from oxide_cli.moving import tell_merged
from oxide_cli.output import Console
from oxide_cli.verb import json_option, verb


@verb(
    "revert",
    "oxide revert HEAD",
    "oxide revert 3f2a91c4",
    "oxide revert --import 65f1c0ffee65f1c0ffee65f1",
    "oxide revert --by-author bob@example.org",
)
@click.argument("revision", metavar="REV", required=False, shell_complete=revisions)
@click.option("--import", "run", metavar="RUN", help="Take back what an import did to labels and metadata.")
@click.option("--by-author", "author", metavar="NAME", help="Take back what an author did to labels and metadata.")
@json_option
@click.pass_context
def command(context: click.Context, revision: str | None, run: str | None, author: str | None, as_json: bool) -> int:
    """Commit the opposite of a commit, an import or an author's labels.

    What the commit changed is changed back in a new commit; history stays as it is. A merge is not reverted: revert the
    commits that it brought. What has changed since in the same place is a conflict: see `oxide conflicts`.

    With --import or --by-author all that an import or an author did to labels and metadata in the history of this
    branch is taken back at once. What others changed stays.
    """
    console: Console = context.obj
    if sum(each is not None for each in (revision, run, author)) != 1:
        raise click.UsageError("say what to take back: REV, --import RUN or --by-author NAME", context)
    repository = console.repository()
    with console.progress() as progress:
        if run is not None:
            result = repository.revert_import(run, progress=progress)
        elif author is not None:
            result = repository.revert_author(author, progress=progress)
        else:
            assert revision is not None
            result = repository.revert(revision, progress=progress)
    return tell_merged(console, result, as_json, "revert")
