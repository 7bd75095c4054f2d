"""``oxide conflicts``."""

from __future__ import annotations

import click

from oxide_cli.output import Console
from oxide_cli.rendering.changes import conflict_lines
from oxide_cli.verb import json_option, verb


@verb("conflicts", "oxide conflicts", "oxide conflicts --json")
@json_option
@click.pass_obj
def command(console: Console, as_json: bool) -> None:
    """List what a merge could not decide.

    With --json each conflict has the row on either side and in the common ancestor.
    """
    found = console.repository().conflicts()
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.conflicts(found))
        return
    console.lines(conflict_lines(found, console.paint))
    if found:
        console.next("oxide resolve PATH --ours | --theirs | --base")
    else:
        console.talk("no conflicts")
