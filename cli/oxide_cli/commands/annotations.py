"""``oxide annotations``."""

from __future__ import annotations

import click

from oxide_cli.completion import revisions
from oxide_cli.output import Console
from oxide_cli.paths import to_root
from oxide_cli.rendering import labels
from oxide_cli.verb import PATH, json_option, verb


@verb("annotations", "oxide annotations cat.jpg", "oxide annotations cat.jpg --at v1 --json")
@click.argument("path", type=PATH)
@click.option("--at", metavar="REV", help="As of this revision.", shell_complete=revisions)
@json_option
@click.pass_obj
def command(console: Console, path: str, at: str | None, as_json: bool) -> None:
    """List the annotations of a file.

    Without --at also what is pending for the next commit.
    """
    repository = console.repository()
    found = repository.annotations(to_root(repository.folder, path), at)
    if as_json:
        console.json([labels.annotation(each) for each in found])
        return
    with console.pager():
        console.lines(labels.annotation_lines(found))
