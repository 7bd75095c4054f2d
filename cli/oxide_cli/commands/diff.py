"""``oxide diff``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from oxide_cli.completion import revisions_and_paths
from oxide_cli.exit_codes import SOME_SKIPPED
from oxide_cli.output import Console
from oxide_cli.rendering.changes import changed_names, diff_lines, row_lines, stat_lines
from oxide_cli.rendering.text import count, quote_path
from oxide_cli.revisions import split_arguments, split_range
from oxide_cli.verb import PATH, after_dashes, json_option, verb

if TYPE_CHECKING:
    from oxide.repository import Repository


@verb(
    "diff",
    "oxide diff",
    "oxide diff --staged",
    "oxide diff main..experiment --stat",
    "oxide diff v1 v2 -- images/",
    "oxide diff HEAD~1 HEAD --rows annotations",
    "oxide diff v1 v2 --render differences/",
    splits_at_dashes=True,
)
@click.argument("arguments", nargs=-1, type=PATH, metavar="[A [B]] [-- PATH...]", shell_complete=revisions_and_paths)
@click.option("--staged", is_flag=True, help="Compare with what is staged instead of the working copy.")
@click.option("--stat", is_flag=True, help="Numbers by folder instead of files.")
@click.option("--name-only", is_flag=True, help="Paths alone.")
@click.option("--rows", "table", metavar="TABLE", help="List the rows of a table that differ.")
@click.option("--render", metavar="DIR", type=PATH, help="Draw the annotations that differ into a new folder.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when there are differences.")
@json_option
@click.pass_context
def command(
    context: click.Context,
    arguments: tuple[str, ...],
    staged: bool,
    stat: bool,
    name_only: bool,
    table: str | None,
    render: str | None,
    exit_code: bool,
    as_json: bool,
) -> int:
    """Show which files and rows differ.

    Without a revision HEAD is compared with the working copy, with one that revision, with two or A..B each other.
    """
    console: Console = context.obj
    if stat + name_only + as_json > 1:
        raise click.UsageError("--stat, --name-only and --json exclude each other", context)
    repository = console.repository()
    words, paths = split_arguments(repository, arguments, after_dashes(context), most=2)
    a, b = split_range(words)
    if staged and b is not None:
        raise click.UsageError("--staged compares one revision with what is staged; a second one is too many", context)
    if render is not None:
        return _render(console, repository, a, b, paths, render, as_json)
    rows: list[dict[str, object]] = []
    if table is not None:
        rows, lines = _rows(console, repository, table, a, b, paths)
        if not as_json:
            with console.pager():
                console.lines(lines)
            return 1 if exit_code and rows else 0
    with console.progress() as progress:
        diff = repository.diff(a, b, staged=staged, paths=paths, progress=progress)
    if as_json:
        from oxide_cli.rendering import records

        console.json({**records.diff(diff), **({"rows": {table: rows}} if table is not None else {})})
    else:
        with console.pager():
            if name_only:
                console.lines(quote_path(path) for path in changed_names(diff))
            else:
                console.lines(stat_lines(diff) if stat else diff_lines(diff, console.paint))
    differs = bool(diff.files) or any(any(changes) for changes in diff.tables.values())
    return 1 if exit_code and differs else 0


def _rows(
    console: Console, repository: Repository, table: str, a: str | None, b: str | None, paths: list[str]
) -> tuple[list[dict[str, object]], Iterable[str]]:
    """The rows of a table that differ, as JSON objects and as lines."""
    if table == "annotations":
        from oxide_cli.rendering import labels

        changes = repository.diff_annotations(a, b, paths)
        return [labels.annotation_change(change) for change in changes], labels.change_lines(changes, console.paint)
    rows = repository.diff_rows(table, a, b, paths=paths)
    return rows, row_lines(rows, console.paint, table)


def _render(
    console: Console, repository: Repository, a: str | None, b: str | None, paths: list[str], folder: str, as_json: bool
) -> int:
    """Draw what differs, and say how many pictures that made."""
    with console.progress() as progress:
        drawn = repository.render_diff(folder, a, b, paths, progress=progress)
    if as_json:
        from oxide_cli.rendering import records

        console.json({"folder": folder, "pictures": drawn.pictures, "skipped": records.skipped(drawn.skipped)})
    for entry in drawn.skipped:
        console.warn(f"skipped {quote_path(entry.path)}: {entry.reason}")
    console.done(f"{count(len(drawn.pictures), 'picture')} drawn into {quote_path(folder)}")
    if drawn.pictures:
        console.next(f"open {os.path.join(folder, 'index.html')}")
    return SOME_SKIPPED if drawn.skipped else 0
