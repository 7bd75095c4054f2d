"""``oxide diff``."""

from __future__ import annotations

import click

from oxide_cli.completion import revisions_and_paths
from oxide_cli.output import Console
from oxide_cli.rendering.changes import changed_names, diff_lines, row_lines, stat_lines
from oxide_cli.rendering.text import quote_path
from oxide_cli.revisions import split_arguments, split_range
from oxide_cli.verb import PATH, after_dashes, json_option, verb


@verb(
    "diff",
    "oxide diff",
    "oxide diff --staged",
    "oxide diff main..experiment --stat",
    "oxide diff v1 v2 -- images/",
    "oxide diff HEAD~1 HEAD --rows annotations",
    splits_at_dashes=True,
)
@click.argument("arguments", nargs=-1, type=PATH, metavar="[A [B]] [-- PATH...]", shell_complete=revisions_and_paths)
@click.option("--staged", is_flag=True, help="Compare with what is staged instead of the working copy.")
@click.option("--stat", is_flag=True, help="Numbers by folder instead of files.")
@click.option("--name-only", is_flag=True, help="Paths alone.")
@click.option("--rows", "table", metavar="TABLE", help="List the rows of a table that differ.")
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
    rows: list[dict[str, object]] = []
    if table is not None:
        rows = repository.diff_rows(table, a, b)
    if table is not None and not as_json:
        with console.pager():
            console.lines(row_lines(rows, console.paint, table))
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
