"""``oxide tag``."""

from __future__ import annotations

import click

from oxide_cli.completion import revisions, tags
from oxide_cli.output import Console
from oxide_cli.rendering.text import columns, short
from oxide_cli.verb import json_option, verb


@verb("tag", "oxide tag", "oxide tag v1.0", "oxide tag paper 3f2a91c4", "oxide tag -d v1.0")
@click.argument("name", required=False)
@click.argument("revision", metavar="[REV]", default="HEAD", shell_complete=revisions)
@click.option("-d", "--delete", metavar="NAME", help="Delete a tag.", shell_complete=tags)
@json_option
@click.pass_obj
def command(console: Console, name: str | None, revision: str, delete: str | None, as_json: bool) -> None:
    """List, create and delete tags.

    A tag names one commit for good; a branch moves on.
    """
    if delete is not None and name is not None:
        raise click.UsageError("-d takes one tag and nothing else", click.get_current_context())
    repository = console.repository()
    if delete is not None:
        repository.delete_tag(delete)
        if as_json:
            console.json({"deleted": delete})
        console.done(f"Deleted tag {delete}")
        console.undoable()
        return
    if name is not None:
        tag = repository.create_tag(name, revision)
        if as_json:
            from oxide_cli.rendering import records

            console.json(records.tag(tag))
        console.done(f"Created tag {tag.name} -> {short(tag.commit)}")
        console.next(f"oxide show {tag.name}")
        return
    found = sorted(repository.tags())
    if as_json:
        from oxide_cli.rendering import records

        console.json([records.tag(tag) for tag in found])
    else:
        console.lines(columns([(tag.name, short(tag.commit)) for tag in found]))
