"""``oxide checkout``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from oxide_cli.completion import revisions
from oxide_cli.moving import tell_moved, tell_position
from oxide_cli.output import Console
from oxide_cli.rendering.text import quote_path
from oxide_cli.verb import dry_run_option, force_option, json_option, verb

if TYPE_CHECKING:
    from oxide.repository import Repository


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
@dry_run_option
@json_option
@click.pass_obj
def command(console: Console, target: str, create: bool, force: bool, dry_run: bool, as_json: bool) -> int:
    """Switch to a branch or look at any revision.

    The working copy becomes what the revision holds; unchanged files are not touched. Changed and untracked files are
    never overwritten without --force.
    """
    return move(console, target, create=create, force=force, branch_only=False, dry_run=dry_run, as_json=as_json)


def move(
    console: Console, target: str, *, create: bool, force: bool, branch_only: bool, dry_run: bool, as_json: bool
) -> int:
    """Switch, and say where the workspace stands now."""
    from oxide.errors import NotFound

    repository = console.repository()
    lossless = force and not dry_run and _loses_nothing(repository, target, create)
    try:
        with console.progress() as progress:
            result = repository.checkout(
                target, create=create, force=force, branch_only=branch_only, dry_run=dry_run, progress=progress
            )
    except NotFound as error:
        if os.path.lexists(target):
            error.hint = f"to bring a file back as it was committed: oxide restore {target}"
        raise
    if as_json:
        from oxide_cli.rendering import records

        console.json({**records.checkout_result(result), "dry_run": dry_run})
    if dry_run:
        if not as_json:
            console.lines(f"would write {quote_path(path)}" for path in sorted(result.written))
            console.lines(f"would remove {quote_path(path)}" for path in sorted(result.removed))
        return 0
    tell_position(console, result)
    code = tell_moved(console, result)
    if result.branch is None:
        console.next("oxide checkout -b NAME to keep commits you make here")
    elif lossless and (result.written or result.removed):
        console.undoable()
    else:
        console.next("oxide status")
    return code


def _loses_nothing(repository: Repository, target: str, create: bool) -> bool:
    """Whether it would do without force, so that `oxide undo` brings everything back."""
    from oxide.errors import OxideError

    try:
        repository.checkout(target, create=create, dry_run=True)
        return True
    except OxideError:
        return False  # the real checkout says what is wrong, if anything is
