"""``oxide init``."""

from __future__ import annotations

import click

from oxide_cli import everyday
from oxide_cli.output import Console
from oxide_cli.verb import PATH, json_option, verb


@verb("init", "oxide init", "oxide init datasets/cats")
@click.argument("folder", metavar="[DIR]", default=".", type=PATH)
@json_option
@click.pass_obj
def command(console: Console, folder: str, as_json: bool) -> None:
    """Put a folder under version control.

    Makes the folder if it does not exist. All that is stored goes into its `.oxide` folder; the files stay where they
    are.
    """
    everyday.init(console, folder, as_json=as_json)
