"""``oxide mv``."""

from __future__ import annotations

import click

from oxide_cli.output import Console
from oxide_cli.paths import all_to_root, to_root
from oxide_cli.rendering.text import LISTED, number, quote_path
from oxide_cli.verb import PATH, json_option, verb


@verb("mv", "oxide mv cat.jpg dog.jpg", "oxide mv a.jpg b.jpg images/")
@click.argument("sources", nargs=-1, required=True, type=PATH, metavar="SRC...")
@click.argument("destination", type=PATH, metavar="DST")
@json_option
@click.pass_obj
def command(console: Console, sources: tuple[str, ...], destination: str, as_json: bool) -> None:
    """Move or rename files.

    Files keep their identity: annotations, metadata and history stay with them. With several sources, DST is a folder.
    """
    repository = console.repository()
    moves = repository.move(all_to_root(repository, sources), to_root(repository.root, destination))
    if as_json:
        console.json({"renamed": sorted([old, new] for old, new in moves)})
        return
    for old, new in sorted(moves)[:LISTED]:
        console.done(f"renamed {quote_path(old)} -> {quote_path(new)}")
    if len(moves) > LISTED:
        console.done(f"… {number(len(moves) - LISTED)} more")
    console.undoable()
    console.next("oxide commit -m TEXT")
