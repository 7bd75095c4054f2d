"""``oxide checkout``."""

from __future__ import annotations

import os

import click

from oxide_cli.completion import revisions
from oxide_cli.moving import tell_moved, tell_position
from oxide_cli.output import Console
from oxide_cli.verb import force_option, json_option, verb


@verb(
    "checkout",
    "oxide checkout main",
    "oxide checkout -b experiment",
    "oxide checkout v1.0",
    "oxide checkout --force main",
)
@click.argument("target", metavar="NAME|REV", shell_complete=revisions)
@click.option("-b", "create", is_flag=True, help="Create the branch at HEAD first.")
@force_option
@json_option
@click.pass_obj
def command(console: Console, target: str, create: bool, force: bool, as_json: bool) -> int:
    """Switch to a branch or look at any revision.

    The working copy becomes what the revision holds; unchanged files are not touched. Changed and untracked files are
    never overwritten without --force.
    """
    return move(console, target, create=create, force=force, branch_only=False, as_json=as_json)


def move(console: Console, target: str, *, create: bool, force: bool, branch_only: bool, as_json: bool) -> int:
    """Switch, and say where the workspace stands now."""
    from oxide.errors import NotFound

    repository = console.repository()
    try:
        with console.progress() as progress:
            result = repository.checkout(target, create=create, force=force, branch_only=branch_only, progress=progress)
    except NotFound as error:
        if os.path.lexists(target):
            error.hint = f"to bring a file back as it was committed: oxide restore {target}"
        raise
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.checkout_result(result))
    tell_position(console, result)
    code = tell_moved(console, result)
    if result.branch is None:
        console.next("oxide checkout -b NAME to keep commits you make here")
    elif force and (result.written or result.removed):
        console.undoable()
    else:
        console.next("oxide status")
    return code
