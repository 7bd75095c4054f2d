"""``oxide add``."""

from __future__ import annotations

import click

from oxide_cli import everyday
from oxide_cli.everyday import summary
from oxide_cli.output import Console
from oxide_cli.verb import json_option, paths_argument, verb

__all__ = ["command", "summary"]


@verb(
    "add",
    "oxide add .",
    "oxide add images/ labels.csv",
    "oxide add --reference /archive/raw.mp4",
    "oxide add -- -odd-name.jpg",
)
@paths_argument
@click.option(
    "--reference", is_flag=True, help="Refer to the files where they are instead of copying them into the store."
)
@json_option
@click.pass_obj
def command(console: Console, paths: tuple[str, ...], reference: bool, as_json: bool) -> int:
    """Stage new, changed and removed files.

    Below each PATH, files that are new or changed are stored, and files that are gone are staged as removed. What
    .oxideignore names is left out. Files that cannot be read are named, the rest is staged, and the exit code is 9.

    With --reference PATH lies outside the repository, and a link to it is made in the current folder; or it is such a
    link already. The content is read once and must stay where it is: checkout brings back the link.
    """
    return everyday.add(console, paths, reference=reference, as_json=as_json)
