"""What a query found, and how, as lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from oxide_cli.rendering.text import columns, count, quote_path

if TYPE_CHECKING:
    from oxide.query.explaining import Explanation


def found_line(annotation: dict[str, Any]) -> str:
    """An annotation in one line: where, what, and its id."""
    box = annotation["bbox"]
    place = " ".join(f"{side:g}" for side in box) if box is not None else "-"
    label = annotation["label"] if annotation["label"] is not None else "-"
    return f"{quote_path(annotation['path'] or '?')}\t{annotation['type']}\t{label}\t{place}\t{annotation['id']}"


def explanation(found: Explanation) -> Iterator[str]:
    """The tree as JSON, the statement with its parameters, and the segments of each table."""
    yield "query"
    yield f"  {found.filter_text}"
    yield "sql"
    yield f"  {found.statement}"
    for name, value in found.parameters.items():
        yield f"  ${name} = {value!r}"
    yield "segments"
    rows: list[tuple[str, ...]] = [
        (f"  {name}", table, f"{opened} of {there} opened", f"{there - opened} skipped")
        for name, table, there, opened in found.scans
    ]
    yield from columns(rows)
    yield f"  {count(found.opened, 'segment')} in all"
