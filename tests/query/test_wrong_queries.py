"""Queries that are wrong: values that are none, and mistakes. Each is an error that says where."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from oxide import Repository
from query.hostile import INJECTIONS, alarm, build, path_of, paths, refused


@pytest.fixture(autouse=True)
def _alarm() -> Iterator[None]:
    with alarm():
        yield


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return build(tmp_path_factory.mktemp("hostile"))


# -- values that are none ----------------------------------------------------------------------------------------------
HUGE = 10**400
VAST = 10**5000
"""An integer that Python does not write in decimal."""
NUMBERS = [math.nan, math.inf, -math.inf, HUGE, -HUGE, VAST, 2**63, -(2**63) - 1]


@pytest.mark.parametrize("number", NUMBERS, ids=["nan", "inf", "-inf", "huge", "-huge", "vast", "2**63", "-2**63-1"])
def test_numbers_that_are_none_are_refused(repository: Repository, number: float) -> None:
    for condition in (
        {"metadata.a": number},
        {"metadata.a": {"$ne": number}},
        {"metadata.a": {"$gt": number}},
        {"metadata.a": {"$in": [1, number]}},
        {"metadata.a": {"b": [number]}},
        {"metadata.a": {"$match": {"b": number}}},
        {"size": number},
        {"size": {"$lte": number}},
        {"annotations.score": {"$nin": [number]}},
        {"annotations": {"$count": number}},
        {"annotations": {"$count": {"$gte": number}}},
        {"bbox": {"$area": number}},
        {"bbox": {"$area": {"$gt": number}}},
        {"bbox": {"$iou": {"box": [0, 0, 1, 1], "$gte": number}}},
        {"bbox": {"$iou": {"box": [0, 0, number, 1], "$gte": 0.5}}},
        {"bbox": {"$inside": [number, 0, 1, 1]}},
        {"bbox": {"$overlaps": [0, 0, 1, number]}},
        {"path": number},
        {"path": {"$glob": number}},
        {"id": number},
        {"hidden": number},
        {"createdAt": number},
        {"path": {"$exists": number}},
        {"$changedBy": number},
        {"$changedSince": number},
        {"filter": {}, "page": number},
        {"filter": {}, "pageSize": number},
        {"filter": {}, "sort": {"path": number}},
        {"filter": {}, "resource": number},
        {"filter": {}, "delete": number},
        {"filter": {}, "update": {"metadata": {"a": number}}},
        {"filter": number},
        {"join": {"filter": number}},
    ):
        refused(repository, condition)


def test_numbers_at_the_edge_are_taken(repository: Repository) -> None:
    for number in (2**63 - 1, -(2**63), 1e308, -1e308, 5e-324, -0.0, 2**53 + 1):
        assert repository.query({"metadata.a": number}).total == 0
        assert repository.query({"metadata.a": {"$gt": number}}).total == 0
        assert repository.query({"size": number}).total == 0
        assert repository.query(json.dumps({"metadata.a": {"$lte": number}})).total == 0
        below = repository.query({"size": {"$gt": number}}).total
        assert below == (len(INJECTIONS) + 1 if number <= 1 else 0)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400, "1" + "0" * 6000])
def test_numbers_that_are_none_are_refused_in_json(repository: Repository, text: str) -> None:
    for query in (
        '{"metadata.a": %s}',
        '{"size": {"$gt": %s}}',
        '{"filter": {}, "page": %s}',
        '{"bbox": {"$area": %s}}',
    ):
        refused(repository, query % text)


HALF = "\ud800"


@pytest.mark.parametrize(
    "query",
    [
        {"metadata.a": HALF},
        {"metadata.a": f"{HALF}*"},
        {"metadata.a": {"$in": ["a", HALF]}},
        {"metadata.a": {"$glob": f"*{HALF}"}},
        {"metadata.a": {"$match": f"*{HALF}"}},
        {"metadata.a": {"$match": {HALF: 1}}},
        {"metadata.a": {"$match": {"b": HALF}}},
        {"metadata.a": {HALF: 1}},
        {"metadata.a": {"b": [{"c": HALF}]}},
        {f"metadata.{HALF}": 1},
        {f"metadata.{HALF}": {"$exists": False}},
        {f"attributes.{HALF}": 1},
        {f"split.{HALF}": 1},
        {HALF: 1},
        {f"${HALF}": 1},
        {"path": HALF},
        {"path": {f"${HALF}": 1}},
        {"label": {"$gt": HALF}},
        {"id": HALF},
        {"createdAt": HALF},
        {"$changedBy": HALF},
        {"$changedBy": f"{HALF}*"},
        {"$changedSince": HALF},
        {"join": {"filter": {"label": HALF}}},
        {"filter": {}, "sort": {f"metadata.{HALF}": 1}},
        {"filter": {}, "sort": {HALF: 1}},
        {"filter": {}, "resource": HALF},
        {"filter": {}, "update": {"metadata": {"a": HALF}}},
        {"filter": {}, "update": {"metadata": {HALF: 1}}},
        '{"metadata.a": "\\ud800"}',
        '{"metadata.\\udfff": 1}',
        f"label:{HALF}",
        f"metadata.{HALF}:1",
        f'label:"{HALF}*"',
        HALF,
        f"changedBy:{HALF}",
    ],
    ids=ascii,
)
def test_halves_of_surrogate_pairs_are_refused(repository: Repository, query: Any) -> None:
    refused(repository, query)


def test_whole_surrogate_pairs_are_characters(repository: Repository) -> None:
    assert paths(repository, '{"metadata.a": "\\ud83d\\ude00"}') == []


def test_zero_characters_are_characters(repository: Repository) -> None:
    text = next(text for text in INJECTIONS if "\0" in text)
    assert paths(repository, {"metadata.text": text}) == [path_of(text)]
    assert paths(repository, {"metadata.text": "*\0*"}) == [path_of(text)]
    assert paths(repository, {"metadata.text": text.replace("\0", "")}) == []
    assert paths(repository, {"label": text}) == [path_of(text)]
    assert paths(repository, {"label": {"$glob": "*\0?"}}) == [path_of(text)]
    assert paths(repository, json.dumps({"metadata.text": text})) == [path_of(text)]
    for condition in ({"path": "\0"}, {"metadata.\0": {"$gt": 1}}, {"attributes.\0": {"$gt": 1}}, {"$changedBy": "\0"}):
        assert paths(repository, condition) == []
    assert len(paths(repository, {}, sort=[{"metadata.\0": 1}])) == len(INJECTIONS) + 1
    for name in ("names", "list"):
        value: Any = 1 if name == "names" else text
        for operand in (value, {"$in": [value]}, {"$exists": True}, {"$gte": value}):
            assert paths(repository, {f"metadata.{name}.{text}": operand}) == [path_of(text)]
        assert len(paths(repository, {f"metadata.{name}.{text}": {"$ne": value}})) == len(INJECTIONS)
    assert paths(repository, {"metadata.list": {"$match": {text: text}}}) == [path_of(text)]
    assert paths(repository, {f"attributes.{text}": "a"}) == []


# -- mistakes ----------------------------------------------------------------------------------------------------------
MISTAKES: list[tuple[Any, str, str]] = [
    # operators, at every level
    ({"$nor": [{}]}, "/$nor", "$or"),
    ({"$ad": []}, "/$ad", "$and"),
    ({"$eq": 1}, "/$eq", "field"),
    ({"path": {"$gtt": "a"}}, "/path/$gtt", "$gt"),
    ({"path": {"$regex": "a"}}, "/path/$regex", "$glob"),
    ({"path": {"$or": ["a"]}}, "/path/$or", "$or"),
    ({"path": {"$eq": "a", "b": 1}}, "/path/b", ""),
    ({"path": {"$not": {"$exist": True}}}, "/path/$not/$exist", "$exists"),
    ({"metadata.a": {"$gt": 1, "$lessThan": 2}}, "/metadata.a/$lessThan", "$"),
    ({"metadata.a/b~c": {"$ne!": 1}}, "/metadata.a~1b~0c/$ne!", "$ne"),
    ({"$and": [{}, {"$or": [{"path": {"$En": 1}}]}]}, "/$and/1/$or/0/path/$En", "$"),
    ({"metadata.a": {"$match": {"b": {"$eqq": 1}}}}, "/metadata.a/$match/b/$eqq", "$eq"),
    ({"metadata.a": {"$match": {"$nad": []}}}, "/metadata.a/$match/$nad", "$and"),
    ({"metadata.a": {"$match": {"$changedBy": "a"}}}, "/metadata.a/$match/$changedBy", ""),
    ({"annotations": {"$macth": {}}}, "/annotations/$macth", "$match"),
    ({"annotations": {"$count": {"$ne": 1}}}, "/annotations/$count/$ne", "$"),
    ({"annotations": {"$match": {"label": {"$i": []}}}}, "/annotations/$match/label/$i", "$in"),
    ({"bbox": {"$arae": 1}}, "/bbox/$arae", "$area"),
    ({"bbox": {"$area": {"$ge": 1}}}, "/bbox/$area", "$gte"),
    ({"bbox": {"$iou": {"box": [0, 0, 1, 1], "$get": 1}}}, "/bbox/$iou", "$gt"),
    ({"filter": {"$not": {"$ro": []}}}, "/filter/$not/$ro", "$or"),
    ({"join": {"filter": {"label": {"$eqs": 1}}}}, "/join/filter/label/$eqs", "$eq"),
    ({"filter": {}, "except": {"query": {"filter": {"$an": []}}}}, "/except/query/filter/$an", "$and"),
    # fields, at every level
    ({"lable": "cat"}, "/lable", "label"),
    ({"foo": 1}, "/foo", "metadata.foo"),
    ({"Filename": "a"}, "/Filename", "filename"),
    ({"annotations.lable": 1}, "/annotations.lable", "label"),
    ({"annotations": {"$match": {"scores": 1}}}, "/annotations/$match/scores", "score"),
    ({"annotations": {"$match": {"width": 1}}}, "/annotations/$match/width", "item.width"),
    ({"source": "human"}, "/source", "annotations.source"),
    ({"path.a": 1}, "/path.a", "path"),
    ({"metadata..a": 1}, "/metadata..a", "empty"),
    ({"metadata.a.": 1}, "/metadata.a.", "empty"),
    ({"": 1}, "/", ""),
    ({"metadata.a": {"$match": {"b..c": 1}}}, "/metadata.a/$match/b..c", "empty"),
    ({"resource": "annotations", "filter": {"item.pth": 1}}, "/filter/item.pth", "path"),
    ({"$or": [{"path": "a"}, {"nmae": "b"}]}, "/$or/1/nmae", "name"),
    ({"filter": {}, "sort": {"creatdAt": 1}}, "/sort/creatdAt", "createdAt"),
    ({"filter": {}, "sort": [{"path": 1}, {"sise": 1}]}, "/sort/1/sise", "size"),
    ({"filter": {}, "sort": {"annotations.label": 1}}, "/sort/annotations.label", ""),
    ({"filter": {}, "pagesize": 5}, "/pagesize", "pageSize"),
    ({"filter": {}, "joins": {}}, "/joins", "join"),
    ({"join": {"filters": {}}}, "/join", "filter"),
    ({"filter": {}, "intersect": {"filter": {}}}, "/intersect", "query"),
    # types
    ({"path": 1}, "/path", "text"),
    ({"path": {"$gt": 1}}, "/path/$gt", "text"),
    ({"path": ["a"]}, "/path", "$in"),
    ({"path": {"a": 1}}, "/path", "text"),
    ({"path": {"$in": "a"}}, "/path/$in", "list"),
    ({"path": {"$in": ["a", 1]}}, "/path/$in/1", "text"),
    ({"path": {"$nin": {"a": 1}}}, "/path/$nin", "list"),
    ({"path": {"$glob": 1}}, "/path/$glob", "pattern"),
    ({"path": {"$glob": "[a"}}, "/path/$glob", "["),
    ({"path": {"$exists": 1}}, "/path/$exists", "true"),
    ({"path": {"$not": "a"}}, "/path/$not", "operators"),
    ({"path": {"$match": {"a": 1}}}, "/path/$match", ""),
    ({"size": "1"}, "/size", "number"),
    ({"size": True}, "/size", "number"),
    ({"size": {"$glob": "1*"}}, "/size/$glob", "text"),
    ({"hidden": 0}, "/hidden", "true or false"),
    ({"hidden": "false"}, "/hidden", "true or false"),
    ({"createdAt": "yesterday"}, "/createdAt", "2026-05-01"),
    ({"createdAt": {"$gt": 1717000000000}}, "/createdAt/$gt", "2026-05-01"),
    ({"createdAt": "2026-13-01"}, "/createdAt", "time"),
    ({"id": "abc"}, "/id", "24"),
    ({"id": {"$in": ["f" * 24, "g" * 24]}}, "/id/$in/1", "24"),
    ({"score": "high"}, "/score", "number"),
    ({"label": {"$lt": 5}}, "/label/$lt", "text"),
    ({"metadata.a": {"$gt": None}}, "/metadata.a/$gt", "null"),
    ({"metadata.a": {"$gt": [1]}}, "/metadata.a/$gt", "order"),
    ({"metadata.a": {"$match": 5}}, "/metadata.a/$match", "object"),
    ({"metadata.a": {"$match": {}}}, "/metadata.a/$match", "object"),
    ({"metadata.a": {1: 2}}, "/metadata.a", "text"),
    ({1: 2}, "", "text"),
    ({"annotations": "cat"}, "/annotations", "$match"),
    ({"annotations": None}, "/annotations", "$exists"),
    ({"annotations": True}, "/annotations", "list"),
    ({"annotations": {"$exists": 1}}, "/annotations/$exists", "true"),
    ({"annotations": {"$ne": None}}, "/annotations/$ne", "list"),
    ({"annotations": {"$in": ["cat"]}}, "/annotations/$in", "$match"),
    ({"resource": "annotations", "filter": {"annotations": {"$exists": True}}}, "/filter/annotations", "item."),
    ({"item.path": "a"}, "/item.path", "'path'"),
    ({"bbox": None}, "/bbox", "$exists"),
    ({"resource": "annotations", "filter": {"bbox": {}}}, "/filter/bbox", "$exists"),
    ({"hidden": {"$gt": None}}, "/hidden/$gt", "null"),
    ({"hidden": {"$gt": 0}}, "/hidden/$gt", "true or false"),
    ({"annotations": {"label": "cat"}}, "/annotations/label", "$match"),
    ({"annotations": {1: 2}}, "/annotations/1", "$match"),
    ({"annotations": {"$match": "cat"}}, "/annotations/$match", "object"),
    ({"annotations": {"$count": "2"}}, "/annotations/$count", "whole number"),
    ({"annotations": {"$count": 1.5}}, "/annotations/$count", "whole number"),
    ({"annotations": {"$count": {}}}, "/annotations/$count", "number"),
    ({"annotations": {"$count": -1}}, "/annotations/$count", "less than 0"),
    ({"annotations": {"$count": {"$gte": -2}}}, "/annotations/$count", "less than 0"),
    ({"bbox": {"$iou": {"box": [0, 0, 1, 1], "$gte": 2}}}, "/bbox/$iou", "from 0 to 1"),
    ({"bbox": {"$iou": {"box": [0, 0, 1, 1], "$lt": -0.1}}}, "/bbox/$iou", "from 0 to 1"),
    ({"bbox": [0, 0, 1, 1]}, "/bbox", "$area"),
    ({"bbox": {"$gt": 5}}, "/bbox/$gt", "$area"),
    ({"width": {"$area": 5}}, "/width/$area", '{"bbox": {"$area"'),
    ({"width": {"$count": 5}}, "/width/$count", '{"annotations": {"$count"'),
    ({"metadata.": 1}, "/metadata.", "empty name"),
    ({"name.": "a"}, "/name.", "empty name"),
    ({"context": {}, "name": "a"}, "/name", "filter"),
    ({"bbox": {"$inside": [0, 0, 1]}}, "/bbox/$inside", "width"),
    ({"bbox": {"$overlaps": [0, 0, -1, 1]}}, "/bbox/$overlaps", "negative"),
    ({"bbox": {"$iou": {"$gte": 0.5}}}, "/bbox/$iou", "box"),
    ({"bbox": {"$iou": {"box": [0, 0, 1, 1]}}}, "/bbox/$iou", "comparison"),
    ({"$and": {"path": "a"}}, "/$and", "list"),
    ({"$or": ["a"]}, "/$or/0", "object"),
    ({"$not": ["a"]}, "/$not", "object"),
    ({"$changedBy": 1}, "/$changedBy", "name"),
    ({"$changedBy": ""}, "/$changedBy", "name"),
    ({"$changedSince": ""}, "/$changedSince", "revision"),
    ({"filter": []}, "/filter", "object"),
    ({"filter": "path:a"}, "/filter", "object"),
    ({"filter": 0}, "/filter", "object"),
    ({"join": []}, "/join", "filter"),
    ({"filter": {}, "resource": "tasks"}, "/resource", "annotations"),
    ({"filter": {}, "resource": ["items"]}, "/resource", "annotations"),
    ({"filter": {}, "join": {"on": {"resource": "items"}, "filter": {}}}, "/join/on/resource", "annotations"),
    ({"filter": {}, "sort": 0}, "/sort", "object"),
    ({"filter": {}, "update": []}, "/update", "object"),
    ({"filter": {}, "update": {}}, "/update", "set"),
    ({"filter": {}, "update": {"metadata": {"system": {"a": 1}}}}, "/update/metadata/system", "systemSpace"),
    (
        {"filter": {}, "update": {"metadata": {"system": {"a": 1}}}, "systemSpace": False},
        "/update/metadata/system",
        "systemSpace",
    ),
    ({"filter": {}, "update": {"metadata": {"system": 5}}, "systemSpace": True}, "/update/metadata/system", "object"),
    (
        {"filter": {}, "update": {"metadata": {"system": {"width": 5}}}, "systemSpace": True},
        "/update/metadata/system/width",
        "file",
    ),
    ({"filter": {}, "systemSpace": "yes"}, "/systemSpace", "true"),
    ({"filter": [], "delete": True}, "/filter", "object"),
    ({"filter": {}, "sort": {"path": 2}}, "/sort/path", "descending"),
    ({"filter": {}, "sort": {"path": "down"}}, "/sort/path", "descending"),
    ({"filter": {}, "sort": {"path": True}}, "/sort/path", "descending"),
    ({"filter": {}, "page": -1}, "/page", "whole number"),
    ({"filter": {}, "page": "0"}, "/page", "whole number"),
    ({"filter": {}, "pageSize": 0}, "/pageSize", "whole number"),
    ({"filter": {}, "pageSize": True}, "/pageSize", "whole number"),
    ({"filter": {}, "delete": 1}, "/delete", "true"),
    ({"filter": {}, "update": {"path": "a"}}, "/update/path", "metadata"),
    ({"filter": {}, "except": {"query": {"resource": "annotations"}}}, "/except", "items"),
    # text that is no JSON, and what is no query
    ('{"path": "a"', "line 1", ""),
    ('{"path": "a"} x', "line 1", ""),
    ('{"path": \n "a", "path": "b"}', "path", "$and"),
    ("{'path': 'a'}", "line 1", ""),
    (5, "int", "dict"),
    ([{}], "list", "dict"),
    (b"{}", "bytes", "dict"),
    ({"metadata.a": {1, 2}}, "/metadata.a", "JSON"),
    ({"metadata.a": b"a"}, "/metadata.a", "JSON"),
]


@pytest.mark.parametrize(("query", "place", "word"), MISTAKES, ids=[str(query)[:60] for query, _, _ in MISTAKES])
def test_mistakes_have_a_place_and_a_suggestion(repository: Repository, query: Any, place: str, word: str) -> None:
    error = refused(repository, query)
    assert error.message.startswith(f"{place}:") or (not place.startswith("/") and place in error.message), (
        error.message
    )
    assert error.hint
    assert word in f"{error.message} {error.hint}", f"{error.message} | {error.hint}"
