"""``oxide cat``."""

from __future__ import annotations

import sys

import click

from oxide_cli.completion import revisions
from oxide_cli.output import Console
from oxide_cli.paths import to_root
from oxide_cli.verb import PATH, verb

BLOCK = 1 << 20


@verb("cat", "oxide cat HEAD~1:labels.csv", "oxide cat v1.0:images/cat.jpg > cat.jpg")
@click.argument("place", metavar="REV:PATH", type=PATH, shell_complete=revisions)
@click.pass_obj
def command(console: Console, place: str) -> None:
    """Write a file of a revision to standard output.

    Without REV, HEAD. PATH is relative to the current folder.
    """
    repository = console.repository()
    revision, path = split_place(place)
    with repository.at(revision).open(repository.to_path(to_root(repository.root, path))) as file:
        sys.stdout.flush()
        while block := file.read(BLOCK):
            sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()


def split_place(place: str) -> tuple[str, str]:
    """``REV:PATH`` as two; a colon within ``@{...}`` belongs to the revision."""
    depth = 0
    for at, character in enumerate(place):
        if character == "{" and place[at - 1 : at] == "@":
            depth += 1
        elif character == "}" and depth:
            depth -= 1
        elif character == ":" and not depth:
            return place[:at] or "HEAD", place[at + 1 :]
    return "HEAD", place
