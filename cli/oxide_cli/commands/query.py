"""``oxide query``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from oxide_cli.completion import revisions
from oxide_cli.output import Console
from oxide_cli.queries import read_query
from oxide_cli.rendering.queries import explanation, found_line
from oxide_cli.rendering.text import count, quote_path
from oxide_cli.verb import dry_run_option, json_option, verb

if TYPE_CHECKING:
    from oxide.query.running import QueryResult


@verb(
    "query",
    "oxide query 'label:cat score>0.5 metadata.foo:bar2'",
    "oxide query '(label:cat OR metadata.foo:bar) -split:test' --at v1.0 --count",
    'oxide query \'{"metadata.foo": "bar2"}\' --sort createdAt:desc --limit 10 --json',
    "oxide query @filter.json --dry-run",
    takes_queries=True,
)
@click.argument("query")
@click.option(
    "--at", metavar="REV", help="The revision to ask; HEAD with pending changes without it.", shell_complete=revisions
)
@click.option("--count", "only_count", is_flag=True, help="Print only how many there are.")
@click.option("-0", "zeros", is_flag=True, help="End each path with a zero byte, for xargs -0.")
@click.option("--sort", metavar="FIELD[:desc]", multiple=True, help="Order; may be given several times.")
@click.option("--limit", type=int, metavar="N", help="At most so many.")
@click.option("--after", metavar="CURSOR", help="Go on behind an earlier page: its `next`.")
@click.option("--explain", is_flag=True, help="Show the tree, the SQL, and the segments that are opened.")
@dry_run_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    query: str,
    at: str | None,
    only_count: bool,
    zeros: bool,
    sort: tuple[str, ...],
    limit: int | None,
    after: str | None,
    explain: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Find pictures and annotations by what they are.

    QUERY is JSON, @FILE with JSON, or text such as `label:cat width>=1920`. It prints one path a line; docs/queries.md
    defines the language. A query with "update" or "delete" changes what it finds, pending for the next commit.
    """
    if only_count + zeros + explain + as_json > 1 and not (as_json and only_count != explain and not zeros):
        raise click.UsageError("--count, -0, --explain and --json exclude each other", context)
    console: Console = context.obj
    repository = console.repository()
    with console.progress() as progress:
        result = repository.query(
            read_query(query), at=at, sort=list(sort) or None, limit=limit, after=after, progress=progress
        )
        show = _answer(
            console, result, explain=explain, only_count=only_count, zeros=zeros, dry_run=dry_run, as_json=as_json
        )
    show()


def _answer(
    console: Console, result: QueryResult, *, explain: bool, only_count: bool, zeros: bool, dry_run: bool, as_json: bool
) -> Callable[[], None]:
    """Ask, while progress is shown; what to print when it is known."""
    if explain:
        found = result.explain()
        return lambda: console.json(found.as_record()) if as_json else console.lines(explanation(found))
    if result.query.update is not None or result.query.delete:
        if only_count or zeros:
            flag = "--count" if only_count else "-0"
            raise click.UsageError(
                f"{flag} is for queries that change nothing: --dry-run says how many rows would change"
            )
        changed = console.repository().apply_query(result, dry_run=dry_run)
        does = "remove" if result.query.delete else "change"
        said = (
            f"{'would ' if dry_run else ''}{does}{'' if dry_run else 'd'} {count(changed, result.query.resource[:-1])}"
        )
        return lambda: console.json({"changed": changed}) if as_json else console.done(said)
    if only_count:
        total = result.total
        return lambda: console.json({"total": total}) if as_json else console.lines([str(total)])
    if as_json:
        record = {"total": result.total, "items": result.items, "next": result.next}
        return lambda: console.json(record)
    if zeros:
        paths = "".join(path + "\0" for path in result.page_paths)
        return lambda: print(paths, end="")
    if result.query.resource == "items":
        lines = list(map(quote_path, result.page_paths))
    else:
        lines = list(map(found_line, result.items))
    return lambda: _list(console, lines, result.next)


def _list(console: Console, lines: list[str], cursor: str | None) -> None:
    with console.pager():
        console.lines(lines)
    if cursor is not None:
        console.talk(f"more follow: --after {cursor}")
