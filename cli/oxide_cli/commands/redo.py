"""``oxide redo``."""

from __future__ import annotations

import click

from oxide_cli.moving import tell_moved
from oxide_cli.output import Console
from oxide_cli.verb import force_option, json_option, verb


@verb("redo", "oxide redo", "oxide operations")
@force_option
@json_option
@click.pass_obj
def command(console: Console, force: bool, as_json: bool) -> int:
    """Do again what was undone.

    Goes forward by one operation, until something new is done.
    """
    repository = console.repository()
    with console.progress() as progress:
        operation, files = repository.redo(force=force, progress=progress)
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.moved(operation, files))
    console.done(f"Redid operation {operation.number}: {operation.description or operation.kind}")
    code = tell_moved(console, files)
    console.next("oxide undo to reverse this, oxide status to see where you are")
    return code
