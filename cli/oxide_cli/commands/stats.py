"""``oxide stats``."""

from __future__ import annotations

import click

from oxide_cli.completion import revisions
from oxide_cli.output import Console
from oxide_cli.rendering.stats import as_record, lines
from oxide_cli.verb import json_option, verb

_COMMITS = 10


@verb("stats", "oxide stats", "oxide stats v1 --plot v1.png", "oxide stats --branches", "oxide stats main --history")
@click.argument("revision", required=False, shell_complete=revisions)
@click.option("--branches", is_flag=True, help="Every branch, side by side.")
@click.option("--history", is_flag=True, help=f"The last {_COMMITS} commits of the revision, side by side.")
@click.option("--plot", type=click.Path(), metavar="FILE.png", help="Draw it into a new picture.")
@json_option
@click.pass_obj
def command(
    console: Console, revision: str | None, branches: bool, history: bool, plot: str | None, as_json: bool
) -> None:
    """Show how many, how large and how long, in bars.

    Files, labels, annotations, boxes and splits of a revision, else of what the next commit would hold.
    """
    if branches and (history or revision):
        raise click.UsageError("--branches stands alone")
    repository = console.repository()
    wanted: list[str | None] = [revision]
    if branches:
        wanted = [branch.name for branch in repository.branches() if branch.head is not None]
    elif history:
        log = repository.log(revision or "HEAD", limit=_COMMITS)
        wanted = [*reversed([entry.commit.id[:16] for entry in log])]
    states = [repository.stats(each) for each in wanted]
    if plot is not None:
        repository.plot_stats(plot, wanted)
    if as_json:
        records = [as_record(stats) for stats in states]
        console.json(records if branches or history else records[0])
        return
    with console.pager():
        console.lines(lines(states))
    if plot is not None:
        console.done(f"drawn into {plot}")
