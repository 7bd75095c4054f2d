"""``oxide runs``."""

from __future__ import annotations

import click

from oxide_cli.completion import revisions
from oxide_cli.moving import tell_merged
from oxide_cli.output import Console
from oxide_cli.rendering import labels
from oxide_cli.verb import HELP_NAMES, VerbGroup, json_option, verb


@click.group("runs", cls=VerbGroup, context_settings=HELP_NAMES)
def command() -> None:
    """List imports and model runs, and take back what one did.

    A run is named by its id or the beginning of it.
    """


command.examples = ("oxide runs list", "oxide runs show 65f1c0ff", "oxide runs revert 65f1c0ff")


@verb("list", "oxide runs list", "oxide runs list --json")
@click.option("--at", metavar="REV", help="As of this revision.", shell_complete=revisions)
@json_option
@click.pass_obj
def list_runs(console: Console, at: str | None, as_json: bool) -> None:
    """List the runs, oldest first."""
    found = console.repository().runs(at)
    if as_json:
        console.json([labels.run(each) for each in found])
        return
    console.lines(labels.run_lines(found))
    if not found:
        console.talk("no runs")


@verb("show", "oxide runs show 65f1c0ff --json")
@click.argument("name", metavar="RUN")
@json_option
@click.pass_obj
def show_run(console: Console, name: str, as_json: bool) -> None:
    """Show a run: its options, and what it found and made."""
    from oxide.labels.runs import find

    found = find(console.repository().runs(), name)
    if as_json:
        console.json(labels.run(found))
        return
    console.lines(labels.run_details(found))
    console.next(f"oxide runs revert {found.id}")


@verb("revert", "oxide runs revert 65f1c0ff")
@click.argument("name", metavar="RUN")
@json_option
@click.pass_obj
def revert_run(console: Console, name: str, as_json: bool) -> int:
    """Commit what takes back a run. The same as `oxide revert --import RUN`."""
    from oxide.labels.runs import find

    repository = console.repository()
    run = find(repository.runs(), name)
    with console.progress() as progress:
        result = repository.revert_import(run.id, progress=progress)
    return tell_merged(console, result, as_json, "revert")


command.add_command(list_runs)
command.add_command(show_run)
command.add_command(revert_run)
