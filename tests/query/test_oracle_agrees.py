"""Queries against brute force: random filters and envelopes over random data find the same rows, in the same order.

A query costs tens of milliseconds whatever it asks, so most filters are asked sixteen at a time: the data has sixteen
folders, and each filter is asked about one. ``OXIDE_TEST_PROFILE=long`` asks many more, with new seeds.
"""

from __future__ import annotations

from typing import Any

import hypothesis
from hypothesis import strategies as st
from oxide.query.running import QueryResult
from query import oracle_envelopes
from query.oracle import Document
from query.settings import many
from query.strategies import envelopes
from query.universe import FOLDERS, Universe

FOLDER_NAMES = [f"{number:x}" for number in range(FOLDERS)]


def shown(universe: Universe, resource: str, ids: set[str]) -> str:
    """The first documents by their ids, for a failure that can be read."""
    found = [document for document in universe.oracle.documents(resource) if document["id"] in ids]
    return "\n".join(str({**document, "item": "..."} if resource != "items" else document) for document in found[:3])


def compare(universe: Universe, resource: str, found: list[str], wanted: list[Document], query: Any) -> None:
    """Fail with what differs, and which part of the query is about that."""
    expected = [document["id"] for document in wanted]
    if found != expected:
        extra, lacking = set(found) - set(expected), set(expected) - set(found)
        raise AssertionError(
            f"{_part_about(universe, resource, extra | lacking, query)}\n"
            f"found, but does not fulfil it:\n{shown(universe, resource, extra)}\n"
            f"fulfils it, but was not found:\n{shown(universe, resource, lacking)}\n"
            f"{'' if extra or lacking else 'only the order differs'}"
        )


def _part_about(universe: Universe, resource: str, ids: set[str], query: Any) -> Any:
    """Of a query that asks each folder another thing what it asks the folder of the first of some documents."""
    parts = query.get("filter", query).get("$or", [])
    paths = [each.get("item", each)["path"] for each in universe.oracle.documents(resource) if each["id"] in ids]
    if paths and len(parts) == FOLDERS:
        return parts[FOLDER_NAMES.index(paths[0].partition("/")[0])]
    return query


def in_folders(filters: list[Document], field: str) -> Document:
    """One filter that asks each folder another."""
    parts = [{"$and": [{field: f"{name}/*"}, each]} for name, each in zip(FOLDER_NAMES, filters)]
    return {"$or": parts}


def drawn_filters(universe: Universe, resource: str) -> st.SearchStrategy[Any]:
    """A filter about items or annotations for each folder."""
    return st.lists(getattr(universe.filters, resource), min_size=FOLDERS, max_size=FOLDERS)


def check(universe: Universe, resource: str, query: Document, at: str | None = None) -> QueryResult:
    """A query finds what the oracle finds, in its order."""
    result = universe.repository.query(query, at=at)
    wanted = oracle_envelopes.answer(universe.earlier if at else universe.oracle, query)
    compare(universe, resource, result.ids, wanted, query)
    return result


@many(75)
@hypothesis.given(st.data())
def test_filters_about_items(universe: Universe, data: st.DataObject) -> None:
    filters = data.draw(drawn_filters(universe, "items"))
    check(universe, "items", in_folders(filters, "path"))


@many(50)
@hypothesis.given(st.data())
def test_filters_about_annotations(universe: Universe, data: st.DataObject) -> None:
    filters = data.draw(drawn_filters(universe, "annotations"))
    check(universe, "annotations", {"resource": "annotations", "filter": in_folders(filters, "item.path")})


@many(100)
@hypothesis.given(st.data())
def test_single_filters(universe: Universe, data: st.DataObject) -> None:
    """Alone at the top a filter may leave out segments, which it may not in a list of alternatives."""
    result = check(universe, "items", data.draw(universe.filters.items))
    assert result.total == len(result.ids)


@many(40)
@hypothesis.given(st.data())
def test_filters_at_a_revision(universe: Universe, data: st.DataObject) -> None:
    query = data.draw(universe.filters.without_history().items)
    check(universe, "items", query, at="v1")


@many(100)
@hypothesis.given(st.data())
def test_envelopes(universe: Universe, data: st.DataObject) -> None:
    query = data.draw(envelopes(universe.filters))
    result = check(universe, query["resource"], query)
    assert result.total == len(result.ids)
    page = [item["id"] for item in result.items]
    compare(universe, query["resource"], page, oracle_envelopes.page(universe.oracle, query), query)


@many(15)
@hypothesis.given(st.data(), st.integers(5, 60))
def test_cursors_go_through_all_pages(universe: Universe, data: st.DataObject, size: int) -> None:
    query = data.draw(envelopes(universe.filters).filter(lambda query: "sort" in query))
    query = {name: value for name, value in query.items() if name not in ("page", "pageSize", "filter", "join")}
    found: list[str] = []
    after = None
    while True:
        result = universe.repository.query(query, limit=size, after=after)
        found += [item["id"] for item in result.items]
        after = result.next
        if after is None:
            break
        assert len(found) % size == 0
    compare(universe, query["resource"], found, oracle_envelopes.answer(universe.oracle, query), query)


def test_the_data_has_what_is_asked_for(universe: Universe) -> None:
    """Whole objects, hidden items, frames and what imports keep: there, and of different values."""
    items, annotations = universe.oracle.items, universe.oracle.annotations
    for name, documents in (
        *((name, items) for name in ("hidden", "frameIndex", "frameTime", "sourceItem", "sourceId", "metadata")),
        *((name, annotations) for name in ("attributes", "metadata", "track", "firstFrame")),
    ):
        assert len({repr(document.get(name)) for document in documents}) > 1, name
    kept = {repr(item.get("metadata", {}).get("system")) for item in items}
    assert len(kept) > 3
    whole = items[next(at for at, item in enumerate(items) if len(item.get("metadata", {})) > 1)]
    assert whole["id"] in universe.repository.query({"metadata": whole["metadata"]}).ids
