"""``oxide status``."""

from __future__ import annotations

import click

from oxide_cli.output import Console
from oxide_cli.verb import json_option, verb


@verb("status", "oxide status", "oxide status --all", "oxide status --porcelain", "oxide status --json")
@click.option("--porcelain", is_flag=True, help="Two letters and a path a line, stable for scripts.")
@click.option("-a", "--all", "everything", is_flag=True, help="List every file of long sections.")
@json_option
@click.pass_obj
def command(console: Console, porcelain: bool, everything: bool, as_json: bool) -> None:
    """Show what is staged, changed, untracked and in conflict.

    Each section begins with the command that acts on it. A folder without any versioned file is one line.
    """
    if porcelain and as_json:
        raise click.UsageError("--porcelain and --json exclude each other", click.get_current_context())
    repository = console.repository()
    with console.progress() as progress:
        status = repository.status(progress=progress)
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.status(status))
        return
    from oxide_cli.rendering.status import porcelain_lines, status_lines

    console.lines(porcelain_lines(status) if porcelain else status_lines(status, console.paint, everything))
