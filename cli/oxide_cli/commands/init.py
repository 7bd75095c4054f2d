"""``oxide init``."""

from __future__ import annotations

import os

import click

from oxide_cli.opening import init_repository
from oxide_cli.output import Console
from oxide_cli.rendering.text import quote_path
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
    repository = init_repository(folder)
    if as_json:
        console.json({"root": str(repository.root)})
        return
    console.done(f"Initialized an empty repository in {quote_path(str(repository.root))}")
    elsewhere = os.path.realpath(repository.root) != os.path.realpath(os.getcwd())
    console.next(f"cd {folder} && oxide add ." if elsewhere else "oxide add .")
