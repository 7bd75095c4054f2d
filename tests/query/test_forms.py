"""One tree, several spellings: what is written reads as the same tree, and a text stays when it is written again."""

from __future__ import annotations

import json
from typing import Any

import oxide
import pytest
from hypothesis import given, settings
from oxide.errors import QueryError
from oxide.query.asking import understood
from oxide.query.envelopes import read_query
from oxide.query.reading import Reader
from oxide.query.text import parse
from oxide.query.text_writing import to_text
from oxide.query.tree import Node
from oxide.query.writing import filter_json, query_json
from query.trees import annotation_filters, item_filters


def read(resource: Any, asked: dict[str, Any]) -> Node:
    return Reader(resource).filter(asked, "")


@settings(max_examples=400, deadline=None)
@given(item_filters())
def test_filters_about_items(asked: dict[str, Any]) -> None:
    tree = read("items", asked)
    written = json.loads(json.dumps(filter_json(tree)))
    assert read("items", written) == tree
    text = to_text(tree)
    assert parse(text) == tree
    assert to_text(parse(text)) == text


@settings(max_examples=300, deadline=None)
@given(annotation_filters())
def test_filters_about_annotations(asked: dict[str, Any]) -> None:
    tree = read("annotations", asked)
    assert read("annotations", filter_json(tree)) == tree
    text = to_text(tree)
    assert parse(text, "annotations") == tree
    assert to_text(parse(text, "annotations")) == text


def test_whole_queries_are_written_and_read() -> None:
    envelope = {
        "resource": "items",
        "filter": {"name": "a*"},
        "join": {"on": {"resource": "annotations"}, "filter": {"$or": [{"label": "cat"}, {"label": "dog"}]}},
        "sort": {"metadata.n": "descending", "filename": "ascending"},
        "page": 2,
        "pageSize": 50,
        "except": {"query": {"filter": {"size": {"$gt": 5}}}},
        "intersect": {"query": {"join": {"filter": {"label": "bird"}}}},
    }
    query = read_query(envelope)
    assert read_query(query_json(query)) == query
    assert [sorting.field.title for sorting in query.sort] == ["metadata.n", "filename"]


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("label:cat score>0.5", {"annotations": {"$match": {"label": "cat", "score": {"$gt": 0.5}}}}),
        ("(label:cat) (label:dog)", {"annotations.label": "cat", "label": "dog"}),
        ("-label:dog", {"annotations.label": {"$ne": "dog"}}),
        ("label:cat OR metadata.foo:bar", {"$or": [{"annotations.label": "cat"}, {"metadata.user.foo": "bar"}]}),
        ("metadata.foo:bar2", {"metadata.user.foo": "bar2"}),
        ("split:test", {"metadata.split": "test"}),
        ("width:640..1920", {"width": {"$gte": 640, "$lte": 1920}}),
        ("name:(a.jpg, b.jpg)", {"name": {"$in": ["a.jpg", "b.jpg"]}}),
        ('metadata.n:5 metadata.m:"5"', {"$and": [{"metadata.n": 5}, {"metadata.m": "5"}]}),
        ("metadata.n:*", {"metadata.n": {"$exists": True}}),
        ("-metadata.n:*", {"metadata.n": {"$exists": False}}),
        ("count(label:cat)>=2", {"annotations": {"$match": {"label": "cat"}, "$count": {"$gte": 2}}}),
        ("area>1024", {"bbox": {"$area": {"$gt": 1024}}}),
        ("iou(0,0,10,10)>=0.5", {"bbox": {"$iou": {"box": [0, 0, 10, 10], "$gte": 0.5}}}),
        ("any(metadata.refs, id:T status:done)", {"metadata.refs": {"$match": {"id": "T", "status": "done"}}}),
        ("changedSince:v1", {"$changedSince": "v1"}),
        ('path~"a?[bc]"', {"path": {"$glob": "a?[bc]"}}),
        ('name="a*"', {"name": {"$eq": "a*"}}),
        ("createdAt>=2026-05-01T12:00:00Z", {"createdAt": {"$gte": "2026-05-01T14:00:00+02:00"}}),
        ("createdAt:2026-05-01", {"createdAt": "2026-05-01"}),
        ("createdAt=2026-05-01", {"createdAt": {"$eq": "2026-05-01"}}),
        ("createdAt!=2026-05-01", {"createdAt": {"$ne": "2026-05-01"}}),
        ("createdAt:2026-05-01..2026-05-02", {"createdAt": {"$gte": "2026-05-01", "$lt": "2026-05-03"}}),
        ("cat", {"path": "*cat*"}),
        ('"or" "[]"', {"$and": [{"path": "*or*"}, {"path": "*[]*"}]}),
        ("[1]", {"path": "*[1]*"}),
        ("metadata.a:it's metadata.b:a=b", {"metadata.a": "it's", "metadata.b": "a=b"}),
        ("", {}),
    ],
)
def test_a_text_says_what_the_json_says(text: str, asked: dict[str, Any]) -> None:
    assert understood(text or None) == understood(asked)


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("label:cat label:dog", "character 11", "(label:cat) (label:dog)"),
        ("label:", "character 7", "label:cat"),
        ("name:a count(label:cat)>=-1", "character 8", "count(label:cat)>=2"),
        ("name:a iou(0,0,10,10)>=2", "character 8", "0.5"),
        ("(a", "character 3", ")"),
        ("a)", "character 2", "remove"),
        ('label:"x', "character 7", '"'),
        ("colour:red", "character 1", "metadata.colour"),
        ("lable:cat", "character 1", "label"),
        ("size:big", "character 6", "number"),
        ("a OR", "character 5", "label:cat"),
        ("(" * 100_000, "character", "flatter"),
        ("metadata.a:" + "[" * 100_000, "character 12", "flatter"),
        ("count(label:cat)", "character 17", ">=2"),
        ("score>(1)", "character 7", "label:cat"),
        ("metadata.foo==bar", "character 13", "= > < ~"),
        ("metadata.n:>5", "character 11", '">..."'),
        ("metadata.foo == bar", "character 14", "without blanks"),
        ("width > 400", "character 7", "without blanks"),
        ("label: cat", "character 7", "without a blank"),
        ("metadata.foo:'bar'", "character 14", '"two words"'),
        ("'two words'", "character 1", '"two words"'),
        ("label:cat or label:dog", "character 11", '"or"'),
        ("not label:cat", "character 1", '"not"'),
        ("a and b", "character 3", '"and"'),
        ("a AND AND b", "character 7", '"AND"'),
        ("a AND", "character 6", "label:cat"),
        ("(a AND)", "character 7", "label:cat"),
        ("a AND OR b", "character 7", '"OR"'),
        ("a OR OR b", "character 6", '"OR"'),
        ("OR a", "character 1", '"OR"'),
        ('[{"name": "a.jpg"}]', "character 1", "$and"),
        ("[]", "character 1", "$and"),
    ],
)
def test_a_mistake_has_a_place_and_a_suggestion(text: str, place: str, hint: str) -> None:
    with pytest.raises(QueryError) as raised:
        understood(text)
    assert place in str(raised.value) and hint in raised.value.hint


def test_filters_make_the_envelope_that_their_users_know() -> None:
    filters = oxide.Filters(field="metadata.user.foo", values="bar2")
    assert filters.prepare() == {
        "filter": {"$and": [{"metadata.user.foo": "bar2"}, {"hidden": False}, {"type": "file"}]},
        "page": 0,
        "resource": "items",
    }
    filters = oxide.Filters(use_defaults=False, method="or")
    filters.add("metadata.user.split", "train", operator="ne").add(field="dir", values=["/a", "/b"], operator="in")
    filters.add("size", 5, "gt", method="and").add_join("label", "cat").add_join("label", "dog", method="or")
    filters.sort_by("filename", "descending").sort_by("createdAt")
    assert filters.prepare() == {
        "filter": {
            "$and": [{"size": {"$gt": 5}}],
            "$or": [{"metadata.user.split": {"$ne": "train"}}, {"dir": {"$in": ["/a", "/b"]}}],
        },
        "join": {
            "on": {"resource": "annotations", "local": "itemId", "forigen": "id"},
            "filter": {"$and": [{"label": "cat"}], "$or": [{"label": "dog"}]},
        },
        "sort": {"filename": "descending", "createdAt": "ascending"},
        "page": 0,
        "resource": "items",
    }
    filters.pop("dir").pop_join("label")
    assert filters.prepare()["filter"]["$or"] == [{"metadata.user.split": {"$ne": "train"}}]
    assert "join" not in filters.prepare()
    read_query(filters.prepare())


def test_filters_join_items_and_annotations_only() -> None:
    with pytest.raises(QueryError, match="models"):
        oxide.Filters(resource="models").add_join("label", "cat")


def test_filters_replace_their_defaults_and_name_folders() -> None:
    filters = oxide.Filters()
    filters.add("hidden", True).add("filename", "/cats").add("filename", "/cats/1.jpg")
    assert filters.prepare()["filter"]["$and"] == [
        {"hidden": True},
        {"filename": "/cats/**"},
        {"filename": "/cats/1.jpg"},
        {"type": "file"},
    ]
    exact = oxide.Filters("filename", "/cats", recursive=False, use_defaults=False)
    assert exact.prepare(query_only=True)["filter"] == {"$and": [{"filename": "/cats"}]}


def test_filters_take_whole_filters_and_changes() -> None:
    custom = oxide.Filters(custom_filter={"$or": [{"name": "a"}, {"name": "b"}]})
    assert custom.prepare() == {"filter": {"$or": [{"name": "a"}, {"name": "b"}]}, "page": 0, "resource": "items"}
    update = oxide.Filters("name", "a", use_defaults=False).prepare("update", {"metadata": {"user": {"a": 1}}})
    assert read_query(update).update == '{"metadata":{"user":{"a":1}}}'
    assert read_query(oxide.Filters("label", "x", resource="annotations").prepare("delete")).delete
    kinds = oxide.Filters(resource="annotations").prepare()
    assert "polygon" in repr(read_query(kinds).tree) and "segment" not in repr(read_query(kinds).tree)
