"""``oxide undo``."""

from __future__ import annotations

import click

from oxide_cli.moving import tell_moved
from oxide_cli.output import Console
from oxide_cli.verb import force_option, json_option, verb


@verb("undo", "oxide undo", "oxide operations")
@force_option
@json_option
@click.pass_obj
def command(console: Console, force: bool, as_json: bool) -> int:
    """Take back the last operation.

    Branches, tags, what is staged and the working copy go back to before it. Undoing again goes further back; nothing
    is lost: `oxide redo` goes forward, and files with changes that are stored nowhere are kept unless --force is given.
    """
    repository = console.repository()
    with console.progress() as progress:
        operation, files = repository.undo(force=force, progress=progress)
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.moved(operation, files))
    console.done(f"Undid operation {operation.number}: {operation.description or operation.kind}")
    code = tell_moved(console, files)
    console.next("oxide redo to reverse this, oxide status to see where you are")
    return code
