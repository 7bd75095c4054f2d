"""``oxide sql``."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import click

from oxide_cli.completion import revisions
from oxide_cli.output import Console, is_terminal
from oxide_cli.rendering.text import columns, count, display_width, quote_path
from oxide_cli.verb import PATH, json_option, verb

if TYPE_CHECKING:
    from oxide.sql import SqlResult

ROWS_ON_TERMINAL = 40
WIDEST_CELL = 60
NARROWEST_CELL = 3
"""A column is not made narrower than this: columns for which there is no room are left out."""


@verb(
    "sql",
    'oxide sql "SELECT path, size FROM files ORDER BY size DESC LIMIT 10"',
    'oxide sql "SELECT count(*) FROM files" --at v1.0',
    'oxide sql "SELECT * FROM commits" --json',
    'oxide sql "SELECT * FROM files" --parquet -o files.parquet',
)
@click.argument("query")
@click.option(
    "--at", metavar="REV", help="The revision to read; HEAD with pending changes without it.", shell_complete=revisions
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--parquet", "as_parquet", is_flag=True, help="Write Parquet; needs -o.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=PATH,
    help="Write to a file, in the format its name ends in unless a flag says another.",
)
@json_option
@click.pass_context
def command(
    context: click.Context,
    query: str,
    at: str | None,
    as_csv: bool,
    as_parquet: bool,
    output: str | None,
    as_json: bool,
) -> None:
    """Run a SELECT over files, items and history.

    Tables: files, items, annotations, keyframes, metadata, ontology, splits, runs, views, commits, branches, tags,
    operations, diff('a', 'b'), history('path'), annotation_history('id'). A revision of a table is
    `files AT (VERSION => 'v1.0')`. On a terminal at most 40 rows are shown, cut
    to its width; --json, --csv and -o write all of them.
    """
    console: Console = context.obj
    if as_json + as_csv + as_parquet > 1:
        raise click.UsageError("--json, --csv and --parquet exclude each other", context)
    if as_parquet and output is None:
        raise click.UsageError("--parquet needs a file: -o FILE", context)
    with console.progress() as progress:
        result = console.repository().sql(query, at=at, progress=progress)
    if output is not None:
        chosen = "json" if as_json else "csv" if as_csv else "parquet" if as_parquet else None
        rows = result.write(output, chosen)
        console.talk(f"wrote {count(rows, 'row')} to {quote_path(output)}")
    elif as_json:
        _print(result, "json")
    elif as_csv:
        _print(result, "csv")
    else:
        on_terminal = is_terminal(sys.stdout)
        limit = ROWS_ON_TERMINAL if on_terminal else None
        width = shutil.get_terminal_size().columns if on_terminal else None
        console.lines(table_lines(list(result.columns), result.fetch_rows(limit and limit + 1), limit, width))


def _print(result: SqlResult, form: str) -> None:
    from oxide.sql.output import write_csv, write_json

    sys.stdout.flush()
    (write_json if form == "json" else write_csv)(result, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def table_lines(
    names: list[str], rows: list[tuple[object, ...]], limit: int | None, width: int | None = None
) -> list[str]:
    """A table with a line under its head; long cells are cut, and rows beyond the limit are said to exist.

    Cells are cut further, the longest first, so that rows are no wider than ``width``.
    """
    shown = rows if limit is None else rows[:limit]
    cells: list[tuple[str, ...]] = [tuple(_cell(value) for value in row) for row in shown]
    head: tuple[str, ...] = tuple(map(quote_path, names))
    widths = [max(map(display_width, column)) for column in zip(head, *cells, strict=True)]
    if width is not None:
        widths = _fitting(widths, width)
        head = tuple(map(_cut, head, widths))
        cells = [tuple(map(_cut, row, widths)) for row in cells]
    left_out = len(names) - len(widths)
    numeric = tuple(
        at
        for at in range(len(head))
        if shown and all(isinstance(row[at], (int, float)) and not isinstance(row[at], bool) for row in shown)
    )
    lines = columns([head, tuple("─" * width for width in widths), *cells], right=numeric)
    if left_out:
        lines.append(f"… {count(left_out, 'more column')} for which there is no room (use --csv or --json)")
    if len(rows) > len(shown):
        lines.append(f"… more rows: the first {len(shown)} are shown (use --csv, --json or LIMIT)")
    else:
        lines.append(f"({count(len(shown), 'row')})")
    return lines


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    text = value.hex() if isinstance(value, bytes) else str(value)
    text = quote_path(text)
    return text if len(text) <= WIDEST_CELL else text[: WIDEST_CELL - 1] + "…"


def _fitting(widths: list[int], width: int) -> list[int]:
    """Widths of the columns that fit beside each other: the widest give first, and all the same."""
    while len(widths) > 1 and _sum(widths, NARROWEST_CELL) + 2 * (len(widths) - 1) > width:
        widths = widths[:-1]
    free = width - 2 * (len(widths) - 1)
    if sum(widths) <= free:
        return widths
    fits = (most for most in range(max(widths), NARROWEST_CELL, -1) if _sum(widths, most) <= free)
    most = next(fits, NARROWEST_CELL)
    left = free - _sum(widths, most)
    fitting = []
    for each in widths:
        fitting.append(min(each, most + (left > 0)))
        left -= each > most
    return fitting


def _sum(widths: list[int], most: int) -> int:
    return sum(min(each, most) for each in widths)


def _cut(text: str, width: int) -> str:
    """A text in so many columns of a terminal, an ellipsis in place of what is left out."""
    if display_width(text) <= width:
        return text
    kept = 0
    while kept < len(text) and display_width(text[: kept + 1]) < width:
        kept += 1
    return text[:kept] + "…"
