"""``oxide switch``."""

from __future__ import annotations

import click

from oxide_cli.commands.checkout import move
from oxide_cli.completion import branches
from oxide_cli.output import Console
from oxide_cli.verb import dry_run_option, force_option, json_option, verb


@verb("switch", "oxide switch main", "oxide switch -c experiment")
@click.argument("name", shell_complete=branches)
@click.option("-c", "--create", is_flag=True, help="Create the branch at HEAD first.")
@force_option
@dry_run_option
@json_option
@click.pass_obj
def command(console: Console, name: str, create: bool, force: bool, dry_run: bool, as_json: bool) -> int:
    """Switch to a branch.

    As `oxide checkout`, but refuses a revision that is no branch.
    """
    return move(console, name, create=create, force=force, branch_only=True, dry_run=dry_run, as_json=as_json)
