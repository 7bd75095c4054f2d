"""Whole queries of the JSON language by brute force: joins, sets, orders and pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from query.mongo_paths import MISSING, is_number
from query.oracle import Document, Oracle
from query.oracle_fields import place_of, values_at

KEYS = {"filter", "join", "sort", "page", "pageSize", "resource", "intersect", "except", "update", "delete", "context"}
DESCENDING = ("descending", -1)


def is_envelope(query: Document) -> bool:
    """Whether a query is an envelope; any other is a filter."""
    return not KEYS.isdisjoint(query)


def answer(oracle: Oracle, query: Document) -> list[Document]:
    """All documents that a query finds, in its order."""
    if not is_envelope(query):
        query = {"filter": query}
    resource = query.get("resource", "items")
    wanted = found_ids(oracle, query, resource)
    documents = [document for document in oracle.documents(resource) if document["id"] in wanted]
    return ordered(documents, resource, query.get("sort") or {})


def page(oracle: Oracle, query: Document) -> list[Document]:
    """The page of a query."""
    documents = answer(oracle, query)
    if "pageSize" not in query:
        return documents
    start = query.get("page", 0) * query["pageSize"]
    return documents[start : start + query["pageSize"]]


def found_ids(oracle: Oracle, query: Document, resource: str) -> set[str]:
    """The ids of what a query finds; one that names no resource asks for that of the query around it."""
    if not is_envelope(query):
        query = {"filter": query}
    found = {document["id"] for document in oracle.find(resource, query.get("filter", {}))}
    if "join" in query:
        joined = query["join"].get("filter", {})
        found &= {document["id"] for document in _joined(oracle, resource, joined)}
    if "intersect" in query:
        found &= found_ids(oracle, query["intersect"]["query"], resource)
    if "except" in query:
        found -= found_ids(oracle, query["except"]["query"], resource)
    return found


def _joined(oracle: Oracle, resource: str, condition: Document) -> list[Document]:
    """The documents one row of which fulfils a whole filter."""
    if resource == "annotations":
        return [each for each in oracle.annotations if oracle.fulfils("items", condition, each["item"])]
    return [
        item
        for item in oracle.items
        if any(oracle.fulfils("annotations", condition, annotation) for annotation in item["annotations"])
    ]


# -- order -------------------------------------------------------------------------------------------------------------
def ordered(documents: Sequence[Document], resource: str, sort: Any) -> list[Document]:
    """Documents in an order; without one items by path, annotations by id."""
    parts = [part.items() for part in sort] if isinstance(sort, list) else [sort.items()]
    keys = [key for part in parts for key in part]
    if not keys:
        return sorted(documents, key=lambda document: document["path" if resource == "items" else "id"])
    found = sorted(documents, key=lambda document: document["id"])
    for name, direction in reversed(keys):
        descending = direction in DESCENDING
        found.sort(key=lambda document: _key(document, resource, name, descending), reverse=descending)
    return found


def _key(document: Document, resource: str, name: str, descending: bool) -> tuple[Any, ...]:
    """The least or the greatest of the values at a field. An empty array comes before null, as in MongoDB."""
    keys = []
    for value in values_at(document, place_of(resource, name)):
        keys += [rank(element) for element in value] or [(-1,)] if isinstance(value, list) else [rank(value)]
    return (max if descending else min)(keys, default=rank(MISSING))


def rank(value: Any) -> tuple[Any, ...]:
    """A key that orders values of all types: missing and null, numbers, texts, objects, arrays, booleans.

    Objects among themselves, and arrays in arrays, have the order of their JSON text, names sorted: that is what the
    engine does, and docs/queries.md does not say.
    """
    if value is MISSING or value is None:
        return (0,)
    if is_number(value):
        return (1, value)
    if isinstance(value, str):
        return (2, value)
    if isinstance(value, dict | list):
        text = json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return (3 if isinstance(value, dict) else 4, text)
    return (6, value) if isinstance(value, datetime) else (5, value)


def _plain(value: Any) -> Any:
    """The value with equal numbers written alike."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return list(map(_plain, value))
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value
