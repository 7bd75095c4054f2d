"""What a query chooses for a verb that goes over many items, such as an export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from oxide.query.running import QueryResult
    from oxide.repository import Repository


class Chosen(NamedTuple):
    """Items, and the annotations that are meant where the query was about them; ids in hex."""

    paths: list[str]
    items: frozenset[str]
    annotations: frozenset[str] | None


def choose(repository: Repository, where: Any, at: str | None) -> Chosen:
    """Ask a query in any form. Raises QueryError."""
    result: QueryResult = repository.query(where, at=at)
    about_annotations = result.query.resource == "annotations"
    annotations = frozenset(result.ids) if about_annotations else None
    return Chosen(result.paths, frozenset(result.item_ids), annotations)
