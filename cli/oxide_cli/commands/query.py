"""``oxide query``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from oxide_cli.completion import revisions
from oxide_cli.output import Console
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
    result = repository.query(_read(query), at=at, sort=list(sort) or None, limit=limit, after=after)
    if explain:
        _explain(console, result, as_json)
    elif result.query.update is not None or result.query.delete:
        changed = repository.apply_query(result, dry_run=dry_run)
        console.done(f"{'would change' if dry_run else 'changed'} {count(changed, result.query.resource[:-1])}")
    elif only_count:
        console.json({"total": result.total}) if as_json else console.lines([str(result.total)])
    elif as_json:
        console.json({"total": result.total, "items": result.items, "next": result.next})
    elif zeros:
        sys.stdout.write("".join(path + "\0" for path in result.page_paths))
    else:
        _list(console, result)


def _list(console: Console, result: QueryResult) -> None:
    with console.pager():
        if result.query.resource == "items":
            console.lines(map(quote_path, result.page_paths))
        else:
            console.lines(map(found_line, result.items))
    if result.next is not None:
        console.talk(f"more follow: --after {result.next}")


def _explain(console: Console, result: QueryResult, as_json: bool) -> None:
    found = result.explain()
    if as_json:
        console.json(found.as_record())
    else:
        console.lines(explanation(found))


def _read(query: str) -> Any:
    if not query.startswith("@"):
        return query
    from oxide.errors import InvalidInput

    try:
        with open(query[1:], encoding="utf-8") as source:
            return source.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{query[1:]} cannot be read: {error}", hint="give a file of JSON, or text") from error
