"""Filters against mongomock, which imitates MongoDB: where the language is MongoDB's, both find the same items.

mongomock is no MongoDB. Where it is known to differ, the case is left out here and nowhere else; the oracle, which
follows MongoDB's own matcher, covers it. The cases:

* ``True == 1`` as in Python: the numbers 0 and 1 do not occur together with booleans.
* Several operators of one field must hold of one candidate; in MongoDB each may hold of another. One is asked here.
* ``$not`` and ``$exists: false`` of a path that reaches nothing, or some of several: they are asked as ``$nor``.
* ``$eq`` with a list does not look at the elements of an array of arrays: it is asked as a bare value.
* A bare ``{}`` holds of everything: it is asked with ``$eq``.
* ``$in`` with a list does not look at a whole array: it has no lists.
* A field of digits inside the objects of an array: only the index is looked up. Names are letters, and an index with
  null is not compared where it leads to such objects.
* null where the path runs into a scalar or into null on its way: MongoDB finds no value there, mongomock no candidate.
* ``$elemMatch`` with fields of elements that are no objects: these are no candidates at all in MongoDB.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from labels.workbench import make_repository
from mongomock import filtering
from oxide import Repository
from query.mongo_paths import MISSING, reached
from query.oracle import Document, Oracle
from query.settings import many
from query.universe import drawn

FOLDERS = 12
EACH = 8

# -- data and filters that both understand -----------------------------------------------------------------------------
_letters = st.sampled_from(["a", "b", "c"])
_numbers = st.sampled_from([2, 3, -1, 0.5, 2.0, 2.5, 1e300])
_texts = st.sampled_from(["a", "b", "ab", "B", "", "é", "😀", "2", "true"])
_constants = st.sampled_from([None, None, True, False])
_scalars: st.SearchStrategy[Any] = _constants | _numbers | _texts
_values: st.SearchStrategy[Any] = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_letters, inner, max_size=3), max_leaves=6
)
_objects = st.lists(st.dictionaries(_letters, _values, max_size=3), max_size=3)
_metadata = st.dictionaries(_letters, _values | _objects, max_size=3)
_paths = st.tuples(_letters, st.lists(st.sampled_from(["a", "b", "c", "0", "1"]), max_size=2)).map(
    lambda parts: ".".join([parts[0], *parts[1]])
)
_flat = st.recursive(_scalars, lambda inner: st.dictionaries(_letters, inner, max_size=2), max_leaves=3)
_lists = st.lists(_flat, max_size=3)
_operators: st.SearchStrategy[Any] = st.one_of(
    _values,
    st.tuples(st.sampled_from(["$eq", "$ne"]), _flat),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), _numbers | _texts | st.booleans()),
    st.tuples(st.sampled_from(["$in", "$nin"]), _lists),
    st.tuples(st.just("$exists"), st.booleans()),
).map(lambda each: dict([each]) if isinstance(each, tuple) else each)
_negated = _operators | _operators.filter(lambda each: _is_operator(each)).map(lambda each: {"$not": each})
_members = st.tuples(_paths, _negated).map(lambda pair: {pair[0]: pair[1]})


def _filters(members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        members,
        lambda inner: st.one_of(
            st.tuples(st.sampled_from(["$and", "$or"]), st.lists(inner, min_size=1, max_size=3)).map(
                lambda pair: dict([pair])
            ),
            inner.map(lambda part: {"$not": part}),
        ),
        max_leaves=4,
    )


_elements = st.tuples(_paths, _filters(_members)).map(lambda pair: {pair[0]: {"$match": pair[1]}})
filters = _filters(_members | _members | _elements)


def _is_operator(operand: Any) -> bool:
    return isinstance(operand, dict) and len(operand) == 1 and next(iter(operand)).startswith("$")


# -- one filter in two languages ---------------------------------------------------------------------------------------
def of_metadata(condition: Document) -> Document:
    """A filter about items out of one about their metadata."""
    found: Document = {}
    for name, operand in condition.items():
        if name in ("$and", "$or"):
            found[name] = [of_metadata(part) for part in operand]
        else:
            found[name if name == "$not" else f"metadata.{name}"] = of_metadata(operand) if name == "$not" else operand
    return found


def of_mongo(condition: Document) -> Document:
    """The same filter for mongomock."""
    ((name, operand),) = condition.items()
    if name in ("$and", "$or"):
        return {name: [of_mongo(part) for part in operand]}
    if name == "$not":
        return {"$nor": [of_mongo(operand)]}
    if not _is_operator(operand):
        return {name: {"$eq": {}} if operand == {} else operand}
    ((operator, value),) = operand.items()
    if operator == "$not":
        return {"$nor": [of_mongo({name: value})]}
    if operator == "$exists" and not value:
        return {"$nor": [{name: {"$exists": True}}]}
    if operator == "$match":
        return {name: {"$elemMatch": of_mongo(value)}}
    return {name: {operator: value}}


# -- cases that mongomock has otherwise --------------------------------------------------------------------------------
def is_told_otherwise(document: Any, condition: Document) -> bool:
    """Whether mongomock is known to read a document otherwise than MongoDB for some part of a filter."""
    for name, operand in condition.items():
        if name in ("$and", "$or"):
            found = any(is_told_otherwise(document, part) for part in operand)
        elif name == "$not":
            found = is_told_otherwise(document, operand)
        else:
            path = name.split(".")
            found = (_is_about_null(operand) and _has_no_plain_way(document, path)) or any(
                not isinstance(element, dict) or is_told_otherwise(element, inner)
                for inner in _matched(operand)
                for value in reached(document, path)
                if isinstance(value, list)
                for element in value
            )
        if found:
            return True
    return False


def _matched(operand: Any) -> Iterator[Document]:
    if _is_operator(operand):
        if "$match" in operand:
            yield operand["$match"]
        yield from _matched(operand.get("$not"))


def _is_about_null(operand: Any) -> bool:
    if not _is_operator(operand):
        return operand is None
    ((operator, value),) = operand.items()
    if operator in ("$in", "$nin"):
        return None in value
    return operator in ("$eq", "$ne", "$not") and _is_about_null(value)


def _has_no_plain_way(document: Any, path: list[str]) -> bool:
    if not path:
        return False
    if isinstance(document, dict):
        return path[0] in document and _has_no_plain_way(document[path[0]], path[1:])
    if isinstance(document, list):
        if path[0].isdigit():
            return any(isinstance(element, dict) for element in document) or any(
                _has_no_plain_way(element, path[1:])
                for element in document[int(path[0]) :][:1]
                if isinstance(element, list)
            )
        return any(_has_no_plain_way(element, path) for element in document if isinstance(element, dict))
    return True


# -- the comparisons ---------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def documents() -> list[Document]:
    """Metadata of items."""
    return drawn(_metadata, FOLDERS * EACH)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, documents: list[Document]) -> Repository:
    """A repository whose items have this metadata."""
    paths = [path_of(number) for number in range(len(documents))]
    repository = make_repository(tmp_path_factory.mktemp("mongo") / "tree", *paths)
    for path, document in zip(paths, documents):
        if document:
            repository.set_metadata([path], document)
    return repository


def path_of(number: int) -> str:
    """The path of the item of a document: its folder is told by the number."""
    return f"{number % FOLDERS:x}/{number:03}.png"


def found_by_mongomock(condition: Document, document: Document) -> bool:
    """Whether mongomock finds a document."""
    return bool(filtering.filter_applies(of_mongo(condition), document))  # type: ignore[no-untyped-call]


@many(120)
@hypothesis.given(st.lists(filters, min_size=FOLDERS, max_size=FOLDERS))
def test_items_agree(repository: Repository, documents: list[Document], conditions: list[Document]) -> None:
    """Each filter is asked about one folder; see ``test_oracle_agrees``."""
    parts = [{"$and": [{"path": f"{at:x}/*"}, of_metadata(each)]} for at, each in enumerate(conditions)]
    paths = set(repository.query({"$or": parts}).paths)
    for at, condition in enumerate(conditions):
        for number in range(at, len(documents), FOLDERS):
            document = documents[number]
            if not is_told_otherwise(document, condition):
                held = found_by_mongomock(condition, document)
                assert (path_of(number) in paths) == held, (condition, document)


@many(800)
@hypothesis.given(filters)
def test_oracle_agrees(documents: list[Document], condition: Document) -> None:
    """The oracle is held against mongomock too: what both say is not only one reading of MongoDB's rules."""
    oracle = Oracle([])
    for document in documents:
        if not is_told_otherwise(document, condition):
            item = {"metadata": document, "annotations": []}
            held = oracle.fulfils("items", of_metadata(condition), item)
            assert held == found_by_mongomock(condition, document), (condition, document)


def test_little_is_left_out(documents: list[Document]) -> None:
    """The cases that are left out are few, or the comparison would be empty."""
    asked = drawn(filters, 100)
    left_out = [is_told_otherwise(document, condition) for document in documents for condition in asked]
    assert sum(left_out) < len(left_out) / 5


def test_what_mongomock_has_otherwise() -> None:
    """MongoDB's rules where mongomock has others, as the oracle has them."""
    rows: list[tuple[Any, str, Any, bool]] = [
        ({}, "a.b", None, True),
        ({"a": 1}, "a.b", None, True),
        ({"a": None}, "a.b", None, True),
        ({"a": {}}, "a.b", None, True),
        ({"a": {"b": 1}}, "a.b", None, False),
        ({"a": [{"b": 1}, {}]}, "a.b", None, True),
        ({"a": [{"b": 1}, {"b": None}]}, "a.b", None, True),
        ({"a": [{"b": 1}]}, "a.b", None, False),
        ({"a": [1, "x", None]}, "a.b", None, False),
        ({"a": []}, "a.b", None, False),
        ({"a": [[{"b": 1}]]}, "a.b", 1, False),
        ({"a": [[{"b": 1}]]}, "a.0.b", 1, True),
        ({"a": [1]}, "a.0.b", None, False),
        ({"a": [1]}, "a.01", 1, False),
        ({"a": [{"0": 4}, 5]}, "a.0", 4, True),
        ({"a": [{"0": 4}, 5]}, "a.1", 5, True),
        ({"a": [{"b": 0}, {"b": 5}]}, "a.b", {"$gt": 1, "$lt": 3}, True),
        ({"a": [{"b": 1}, {}]}, "a.b", {"$exists": False}, False),
        ({"a": 1}, "a.b", {"$not": {"$gt": 1}}, True),
        ({"a": True}, "a", 1, False),
        ({"a": [[1, 2]]}, "a", {"$eq": [1, 2]}, True),
        ({"a": [1, 2]}, "a", {"$in": [[1, 2]]}, True),
        ({"a": [1, 2]}, "a", {"$ne": 1}, False),
        ({"a": [1, {"b": 1}]}, "a", {"$match": {"b": {"$exists": False}}}, False),
        ({"a": [1, {"b": 1}, {}]}, "a", {"$match": {"b": {"$exists": False}}}, True),
        ({"a": [1, "x"]}, "a", {"$match": {"b": {"$nin": []}}}, False),
        ({"a": [1, {}]}, "a", {"$match": {"b": {"$nin": []}}}, True),
        ({"a": [1, {}]}, "a", {"$match": {"b": {"$in": []}}}, False),
        ({"a": [1]}, "a", {"$match": {"$nin": []}}, True),
        ({"a": []}, "a", {"$match": {"$nin": []}}, False),
    ]
    for document, name, operand, held in rows:
        item = {"metadata": document, "annotations": []}
        assert Oracle([]).fulfils("items", {f"metadata.{name}": operand}, item) == held, (document, name, operand)
    assert list(reached({"a": [5, {"b": 4}, 3]}, ["a", "1", "b"])) == [MISSING, 4]
