"""``oxide blame``."""

from __future__ import annotations

import click

from oxide_cli.completion import revisions
from oxide_cli.output import Console
from oxide_cli.paths import to_root
from oxide_cli.rendering.log import blame_lines
from oxide_cli.verb import PATH, json_option, verb


@verb(
    "blame",
    "oxide blame images/cat.jpg",
    "oxide blame images/ --json",
    "oxide blame --annotation 65f1c0ffee65f1c0ffee65f1",
)
@click.argument("path", type=PATH, required=False)
@click.option("--annotation", metavar="ID", help="Show who made an annotation, and who last changed what of it.")
@click.option("--at", default="HEAD", metavar="REV", help="As of this revision.", shell_complete=revisions)
@json_option
@click.pass_context
def command(context: click.Context, path: str | None, annotation: str | None, at: str, as_json: bool) -> None:
    """Show which commit last changed a file or an annotation.

    For a folder, of each file below it.
    """
    console: Console = context.obj
    if (path is None) == (annotation is None):
        raise click.UsageError("name a path, or an annotation with --annotation ID", context)
    repository = console.repository()
    if annotation is not None:
        from oxide_cli.rendering import labels

        found = repository.blame_annotation(annotation, at)
        if as_json:
            console.json(labels.annotation_blame(found))
        else:
            console.lines(labels.annotation_blame_lines(found))
        return
    assert path is not None
    entries = repository.blame(to_root(repository.root, path), at)
    if as_json:
        from oxide_cli.rendering import records

        console.json([records.blame_entry(entry) for entry in entries])
        return
    with console.pager():
        console.lines(blame_lines(entries))
