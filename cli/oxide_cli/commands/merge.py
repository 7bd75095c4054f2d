"""``oxide merge``."""

from __future__ import annotations

import click

from oxide_cli.completion import revisions
from oxide_cli.moving import tell_merged, tell_moved, tell_position
from oxide_cli.output import Console
from oxide_cli.rendering.text import short
from oxide_cli.verb import force_option, json_option, verb


@verb(
    "merge", "oxide merge experiment", 'oxide merge --no-ff -m "Take the new labels" experiment', "oxide merge --abort"
)
@click.argument("revision", metavar="REV", required=False, shell_complete=revisions)
@click.option("--no-ff", is_flag=True, help="Make a merge commit even where the branch could just move forward.")
@click.option("-m", "--message", metavar="TEXT", help="Message of the merge commit.")
@click.option("--abort", is_flag=True, help="Go back to before the merge.")
@click.option("--continue", "go_on", is_flag=True, help="Commit the merge once its conflicts are decided.")
@force_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    revision: str | None,
    no_ff: bool,
    message: str | None,
    abort: bool,
    go_on: bool,
    force: bool,
    as_json: bool,
) -> int:
    """Bring the changes of another revision into this branch.

    Files are merged as wholes, rows of tables cell by cell. What both sides changed is a conflict: `oxide conflicts`
    lists it, `oxide resolve` decides it, the exit code is 6. --force goes with --abort.
    """
    console: Console = context.obj
    if abort + go_on + (revision is not None) != 1:
        raise click.UsageError("name one revision to merge, or --abort, or --continue", context)
    repository = console.repository()
    if abort:
        with console.progress() as progress:
            result = repository.merge_abort(force=force, progress=progress)
        if as_json:
            from oxide_cli.rendering import records

            console.json(records.checkout_result(result))
        console.done("Went back to before the merge")
        tell_position(console, result)
        return tell_moved(console, result)
    if go_on:
        commit = repository.merge_continue(message)
        if as_json:
            from oxide_cli.rendering import records

            console.json(records.commit(commit))
        console.done(f"[{short(commit.id)}] {commit.summary}")
        console.next("oxide log --graph")
        return 0
    assert revision is not None
    with console.progress() as progress:
        merged = repository.merge(revision, no_ff=no_ff, message=message, progress=progress)
    return tell_merged(console, merged, as_json, "merge")
