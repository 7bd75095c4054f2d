"""``oxide show``."""

from __future__ import annotations

import click

from oxide_cli.completion import revisions
from oxide_cli.output import Console
from oxide_cli.rendering.changes import diff_lines
from oxide_cli.rendering.log import commit_lines
from oxide_cli.verb import json_option, verb


@verb("show", "oxide show", "oxide show v1.0", "oxide show HEAD~2 --json")
@click.argument("revision", metavar="[REV]", default="HEAD", shell_complete=revisions)
@json_option
@click.pass_obj
def command(console: Console, revision: str, as_json: bool) -> None:
    """Show a commit and what it changed.

    A merge is compared with its first parent.
    """
    entry, diff = console.repository().show(revision)
    if as_json:
        from oxide_cli.rendering import records

        console.json({**records.log_entry(entry), **records.diff(diff)})
        return
    with console.pager():
        console.lines(commit_lines(entry, console.paint))
        console.lines(diff_lines(diff, console.paint))
