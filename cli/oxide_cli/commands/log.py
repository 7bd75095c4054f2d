"""``oxide log``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

import click

from oxide_cli.completion import revisions_and_paths
from oxide_cli.output import Console
from oxide_cli.rendering.log import commit_line, commit_lines
from oxide_cli.revisions import split_arguments
from oxide_cli.verb import PATH, after_dashes, json_option, verb

if TYPE_CHECKING:
    from oxide.repository import Repository
    from oxide.types import LogEntry


@verb(
    "log",
    "oxide log",
    "oxide log --graph --oneline -n 20",
    "oxide log experiment -- images/train",
    "oxide log --json",
    splits_at_dashes=True,
)
@click.argument("arguments", nargs=-1, type=PATH, metavar="[REV] [-- PATH...]", shell_complete=revisions_and_paths)
@click.option("-n", "limit", type=click.IntRange(min=0), metavar="N", help="Show at most N commits.")
@click.option("--graph", is_flag=True, help="Draw branches and merges.")
@click.option("--oneline", is_flag=True, help="One line a commit.")
@json_option
@click.pass_context
def command(
    context: click.Context, arguments: tuple[str, ...], limit: int | None, graph: bool, oneline: bool, as_json: bool
) -> None:
    """Show the commits that led to a revision.

    Newest first. With paths, only commits that changed something at or below them.
    """
    console: Console = context.obj
    repository = console.repository()
    named, paths = split_arguments(repository, arguments, after_dashes(context), most=1)
    revision = named[0] if named else "HEAD"
    entries = repository.log(revision, paths=paths, limit=limit)
    if as_json:
        from oxide_cli.rendering import records

        console.json_stream(records.log_entry(entry) for entry in entries)
        return
    first = list(islice(entries, 1))  # failures are told before the pager opens
    entries = chain(first, entries)
    with console.pager():
        if graph:
            console.lines(_graph_lines(console, repository, revision, entries, oneline, bool(paths)))
        else:
            console.lines(_lines(console, entries, oneline))


def _lines(console: Console, entries: Iterable[LogEntry], oneline: bool) -> Iterator[str]:
    for entry in entries:
        if oneline:
            yield commit_line(entry, console.paint)
        else:
            yield from commit_lines(entry, console.paint)


def _graph_lines(
    console: Console, repository: Repository, revision: str, entries: Iterable[LogEntry], oneline: bool, partial: bool
) -> Iterator[str]:
    from oxide_cli.rendering.graph import Graph, shown_parents

    visible: dict[str, list[str]] = {}
    if partial:
        entries = list(entries)
        history = ((entry.commit.id, entry.commit.parents) for entry in repository.log(revision))
        visible = shown_parents(history, {entry.commit.id for entry in entries})
    graph = Graph()
    for entry in entries:
        drawing = graph.draw(entry.commit.id, visible.get(entry.commit.id, entry.commit.parents))
        text = [commit_line(entry, console.paint)] if oneline else commit_lines(entry, console.paint)
        yield from drawing.beside(text)
