"""``oxide status``."""

from __future__ import annotations

import click

from oxide_cli import everyday
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
    everyday.status(console, porcelain=porcelain, everything=everything, as_json=as_json)
