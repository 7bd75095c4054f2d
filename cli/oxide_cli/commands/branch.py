"""``oxide branch``."""

from __future__ import annotations

import click

from oxide_cli.completion import branches, revisions
from oxide_cli.output import Console
from oxide_cli.rendering.text import short
from oxide_cli.verb import json_option, verb


@verb("branch", "oxide branch", "oxide branch experiment", "oxide branch fix v1.0", "oxide branch -d experiment")
@click.argument("name", required=False)
@click.argument("revision", metavar="[REV]", default="HEAD", shell_complete=revisions)
@click.option("-d", "--delete", metavar="NAME", help="Delete a branch.", shell_complete=branches)
@json_option
@click.pass_obj
def command(console: Console, name: str | None, revision: str, delete: str | None, as_json: bool) -> None:
    """List, create and delete branches.

    A new branch begins at REV, HEAD without it; `oxide checkout -b NAME` also switches to it.
    """
    if delete is not None and name is not None:
        raise click.UsageError("-d takes one branch and nothing else", click.get_current_context())
    repository = console.repository()
    if delete is not None:
        repository.delete_branch(delete)
        if as_json:
            console.json({"deleted": delete})
        console.done(f"Deleted branch {delete}")
        console.undoable()
    elif name is not None:
        branch = repository.create_branch(name, revision)
        if as_json:
            from oxide_cli.rendering import records

            console.json(records.branch(branch))
        console.done(f"Created branch {name} -> {short(branch.head) if branch.head else 'no commit yet'}")
        console.next(f"oxide checkout {name}")
    else:
        _list(console, as_json)


def _list(console: Console, as_json: bool) -> None:
    found = sorted(console.repository().branches())
    if as_json:
        from oxide_cli.rendering import records

        console.json([records.branch(branch) for branch in found])
        return
    width = max((len(branch.name) for branch in found), default=0)
    for branch in found:
        mark = "*" if branch.current else " "
        head = short(branch.head) if branch.head else "no commit yet"
        name = branch.name.ljust(width)
        upstream = f"  {branch.upstream}" if branch.upstream else ""
        console.data(f"{mark} {console.paint(name, 'green') if branch.current else name}  {head}{upstream}")
