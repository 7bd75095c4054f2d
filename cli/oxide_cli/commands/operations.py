"""``oxide operations``."""

from __future__ import annotations

import click

from oxide_cli.output import Console
from oxide_cli.rendering.log import operation_lines
from oxide_cli.verb import json_option, verb


@verb("operations", "oxide operations", "oxide operations -n 5", "oxide operations --json")
@click.option("-n", "limit", type=click.IntRange(min=0), metavar="N", help="Show at most N operations.")
@json_option
@click.pass_obj
def command(console: Console, limit: int | None, as_json: bool) -> None:
    """List everything that was done to this repository.

    Newest first. `*` marks where the repository stands; `oxide undo` goes back from there.
    """
    entries = console.repository().operations(limit)
    if as_json:
        from oxide_cli.rendering import records

        console.json_stream(records.operation(entry) for entry in entries)
        return
    found = list(entries)
    with console.pager():
        console.lines(operation_lines(found))
