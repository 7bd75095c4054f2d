"""``oxide blame``."""

from __future__ import annotations

import click

from oxide_cli.output import Console
from oxide_cli.paths import to_root
from oxide_cli.rendering.log import blame_lines
from oxide_cli.verb import PATH, json_option, verb


@verb("blame", "oxide blame images/cat.jpg", "oxide blame images/ --json")
@click.argument("path", type=PATH)
@json_option
@click.pass_obj
def command(console: Console, path: str, as_json: bool) -> None:
    """Show which commit last changed a file.

    For a folder, of each file below it.
    """
    repository = console.repository()
    entries = repository.blame(to_root(repository.root, path))
    if as_json:
        from oxide_cli.rendering import records

        console.json([records.blame_entry(entry) for entry in entries])
        return
    with console.pager():
        console.lines(blame_lines(entries))
