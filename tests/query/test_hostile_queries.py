"""Queries that mean harm: what they hold is a value and nothing else, and none of them takes for ever."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from oxide import Repository
from oxide.errors import InvalidInput, NotFound, QueryError
from query.hostile import INJECTIONS, WITHOUT_DOTS, alarm, build, path_of, paths, refused

DEEP = 100_000


@pytest.fixture(autouse=True)
def _alarm() -> Iterator[None]:
    with alarm():
        yield


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return build(tmp_path_factory.mktemp("hostile"))


# -- injections --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", INJECTIONS, ids=repr)
def test_values_are_values(repository: Repository, text: str) -> None:
    """All at once: what any of the conditions finds is the one file, and all of them find it."""
    path = path_of(text)
    others = sorted({*map(path_of, INJECTIONS), "plain"} - {path})
    values = {"metadata.text": text, "annotations.label": text, "attributes.text": text, "path": path}
    values |= {"name": path, "annotations.description": text}
    conditions: list[dict[str, Any]] = [{"join": {"filter": {"label": text}}}]
    same: list[dict[str, Any]] = []
    different: list[dict[str, Any]] = []
    for name, value in values.items():
        escaped = "".join(f"[{each}]" if each in "*?[" else each for each in value)
        same += [{name: value}, {name: {"$eq": value}}, {name: {"$in": [value, "nothing"]}}, {name: {"$match": value}}]
        same += [{name: {"$glob": escaped}}, {name: {"$gte": value, "$lte": value}}]
        different += [{name: {"$ne": value}}, {name: {"$nin": [value]}}, {"$not": {name: value}}]
    conditions += [{"$and": same}, {"$or": same}, same[0], same[2], same[6]]
    for condition in conditions:
        assert paths(repository, condition) == [path], condition
    for condition in ({"$and": different}, {"$or": different}, different[0], different[4]):
        assert sorted(paths(repository, condition)) == others, condition
    nowhere = {"$or": [{"$changedBy": text}, {"metadata.list": {"$match": {"text": text}}}, {"creator": text}]}
    assert paths(repository, nowhere) == []


@pytest.mark.parametrize("text", [text for text in WITHOUT_DOTS if "\0" not in text], ids=repr)
def test_names_are_names(repository: Repository, text: str) -> None:
    path = path_of(text)
    conditions: list[dict[str, Any]] = [{f"metadata.names.{text}": 1}, {f"metadata.names.{text}": {"$exists": True}}]
    conditions += [{f"metadata.list.{text}": text}, {f"metadata.names.{text}": {"$lt": 2}}]
    if not text.startswith("$"):
        conditions += [{"metadata.list": {"$match": {text: text}}}, {"metadata.names": {text: 1}}]
    for condition in (conditions[0], {"$and": conditions}, {"$or": [*conditions, {f"attributes.{text}": text}]}):
        assert paths(repository, condition) == [path], condition
    assert paths(repository, {}, sort=[{f"metadata.names.{text}": "descending"}])[0] == path


@pytest.mark.parametrize("text", INJECTIONS, ids=repr)
def test_what_is_no_field_is_refused(repository: Repository, text: str) -> None:
    pointer = "/" + text.replace("~", "~0").replace("/", "~1")
    assert pointer in refused(repository, {text: 1}).message
    refused(repository, {"filter": {text: 1}})
    refused(repository, {"path": {f"${text}": 1}})
    refused(repository, {"filter": {}, "sort": {text: "ascending"}})
    refused(repository, {"filter": {}, "sort": {"path": text}})
    refused(repository, {"filter": {}, "resource": text})
    refused(repository, {"filter": {}, text: 1})
    refused(repository, {"join": {"on": {"resource": text}, "filter": {}}})
    refused(repository, {"id": text})
    refused(repository, {"createdAt": {"$gt": text}} if text != "1e5" else {"createdAt": 5})
    if text != "~1":  # the commit before HEAD
        refused(repository, {"$changedSince": text})
        with pytest.raises((NotFound, InvalidInput)):
            _ = repository.query({}, at=text).ids
    with pytest.raises(InvalidInput):
        _ = repository.query({}, limit=1, after=text).items


@pytest.mark.parametrize("text", INJECTIONS, ids=repr)
def test_the_text_form_holds_values(repository: Repository, text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert paths(repository, f"metadata.text:{quoted}") == [path_of(text)]
    assert paths(repository, f"label:{quoted}") == [path_of(text)]
    assert paths(repository, f"label:({quoted}, nothing)") == [path_of(text)]
    try:
        found = set(paths(repository, text))  # as it stands: some of it is a query, some is none
    except QueryError:
        found = set()
    assert found <= {*map(path_of, INJECTIONS), "plain"}
    assert repository.query().total == len(INJECTIONS) + 1


# -- depth -------------------------------------------------------------------------------------------------------------
Wrap = Callable[[Any], Any]
WRAPS: dict[str, tuple[Any, Wrap, Wrap]] = {
    "not": ({"path": "a"}, lambda inner: {"$not": inner}, lambda whole: whole),
    "and": ({"path": "a"}, lambda inner: {"$and": [inner]}, lambda whole: whole),
    "or in a filter": ({"path": "a"}, lambda inner: {"$or": [inner]}, lambda whole: {"filter": whole}),
    "value of lists": (1, lambda inner: [inner], lambda whole: {"metadata.a": whole}),
    "value of objects": (1, lambda inner: {"a": inner}, lambda whole: {"metadata.a": whole}),
    "one of": (1, lambda inner: [inner], lambda whole: {"metadata.a": {"$in": [whole]}}),
    "bound": (1, lambda inner: [inner], lambda whole: {"metadata.a": {"$gt": whole}}),
    "negated operators": ({"$gt": 1}, lambda inner: {"$not": inner}, lambda whole: {"metadata.a": whole}),
    "elements": ({"b": 1}, lambda inner: {"a": {"$match": inner}}, lambda whole: {"metadata.a": {"$match": whole}}),
    "annotations": (
        {"label": "a"},
        lambda inner: {"item": {"annotations": {"$match": inner}}},
        lambda whole: {"annotations": {"$match": whole}},
    ),
    "sets": ({"filter": {}}, lambda inner: {"intersect": {"query": inner}}, lambda whole: whole),
    "order": (1, lambda inner: [inner], lambda whole: {"filter": {}, "sort": whole}),
    "page": (1, lambda inner: [inner], lambda whole: {"filter": {}, "page": whole}),
    "resource": (1, lambda inner: [inner], lambda whole: {"filter": {}, "resource": whole}),
    "join": ({}, lambda inner: {"$and": [inner]}, lambda whole: {"join": {"filter": whole}}),
    "area": (1, lambda inner: [inner], lambda whole: {"bbox": {"$area": whole}}),
    "box": (1, lambda inner: [inner], lambda whole: {"bbox": {"$inside": [whole, 1, 1, 1]}}),
    "count": (1, lambda inner: [inner], lambda whole: {"annotations": {"$count": whole}}),
    "pattern": (1, lambda inner: [inner], lambda whole: {"path": {"$glob": whole}}),
    "time": (1, lambda inner: [inner], lambda whole: {"createdAt": whole}),
    "id": (1, lambda inner: [inner], lambda whole: {"id": {"$eq": whole}}),
    "author": (1, lambda inner: [inner], lambda whole: {"$changedBy": whole}),
    "update": (1, lambda inner: {"a": inner}, lambda whole: {"filter": {}, "update": {"metadata": whole}}),
}


@pytest.mark.parametrize("name", WRAPS)
def test_depth_is_refused(repository: Repository, name: str) -> None:
    inner, wrap, outer = WRAPS[name]
    for _ in range(DEEP):
        inner = wrap(inner)
    refused(repository, outer(inner))


@pytest.mark.parametrize(
    "text",
    [
        '{"$not":' * DEEP + "{}" + "}" * DEEP,
        '{"metadata.a":' + "[" * DEEP + "]" * DEEP + "}",
        '{"$and":[' * DEEP,
        '{"a":' * DEEP,
        "(" * DEEP + "label:cat" + ")" * DEEP,
        "(" * DEEP,
        "annotation(" * DEEP + "label:cat" + ")" * DEEP,
        "count(" * DEEP,
    ],
    ids=["not", "lists", "open lists", "open objects", "parentheses", "open parentheses", "annotations", "counts"],
)
def test_depth_of_text_is_refused(repository: Repository, text: str) -> None:
    refused(repository, text)


def test_where_depth_ends(repository: Repository) -> None:
    """A hundred deep is taken, in every part of a query; more is not."""

    def values(depth: int) -> Any:
        value: Any = 1
        for _ in range(depth):
            value = [value]
        return {"metadata.a": value}

    def filters(depth: int) -> Any:
        condition: Any = {"path": "plain"}
        for _ in range(depth - 1):
            condition = {"$and": [condition]}
        return condition

    assert paths(repository, values(100)) == []
    assert paths(repository, filters(100)) == ["plain"]
    assert paths(repository, json.dumps(filters(100))) == ["plain"]
    for depth in (101, 127, 128, 130, 500, 990, 1010):
        assert "100 deep" in refused(repository, values(depth)).message
        assert "100 deep" in refused(repository, filters(depth)).message


# -- much of it --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "condition",
    [
        {"metadata.long": "*a" * 200 + "b"},
        {"metadata.long": {"$glob": "?*" * 500 + "b"}},
        {"metadata.long": {"$glob": "*[a-z]" * 300 + "!"}},
        {"metadata.long": {"$glob": "*a?" * 5000 + "b"}},
        {"metadata.long": {"$glob": "?" * 2000}},
        {"metadata.long": {"$glob": "*" + "a" * 60_000}},
        {"metadata.long": {"$in": ["*a" * 100 + f"*{number}" for number in range(50)]}},
        {"path": {"$glob": "*" * DEEP + "!"}},
        {"path": {"$glob": "[" + "a-z" * 30_000 + "]"}},
        {"path": "*x" * 1000},
    ],
    ids=range(10),
)
def test_patterns_do_not_explode(repository: Repository, condition: dict[str, Any]) -> None:
    assert paths(repository, condition) == []


def test_patterns_that_match_do_not_explode(repository: Repository) -> None:
    for pattern in ("*a" * 200, "*" * DEEP, "?*" * 500, "*[a-z]" * 300, "a*" * 100 + "*a"):
        assert paths(repository, {"metadata.long": {"$glob": pattern}}) == ["plain"]
    assert paths(repository, "metadata.long:" + "*a" * 200) == ["plain"]


@pytest.mark.parametrize(
    ("name", "values", "number"),
    [
        ("metadata.text", [f"text {number}" for number in range(DEEP)] + ["%"], 1),
        ("metadata.names.%", list(range(DEEP)), 1),
        ("metadata.names.%", [number + 0.5 for number in range(DEEP)] + [1.0], 1),
        ("path", [f"{number}.png" for number in range(DEEP)] + ["plain"], 1),
        ("size", list(range(DEEP)), len(INJECTIONS) + 1),
        ("label", [f"label {number}" for number in range(DEEP)] + ["%"], 1),
        ("id", [f"{number:024x}" for number in range(DEEP)], 0),
        ("createdAt", ["2024-03-01"] * DEEP, 0),
    ],
    ids=["texts", "numbers", "floats", "paths", "sizes", "labels", "ids", "times"],
)
def test_a_hundred_thousand_values(repository: Repository, name: str, values: list[Any], number: int) -> None:
    total = len(INJECTIONS) + 1
    assert repository.query({name: {"$in": values}}).total == number
    assert repository.query({name: {"$nin": values}}).total == total - number


def test_many_conditions(repository: Repository) -> None:
    for condition in (
        {"$and": [{"path": {"$ne": f"{number}"}} for number in range(300)]},
        {"$and": [{"metadata.a": {"$ne": number}} for number in range(2000)]},
        {"$or": [{"path": f"{number}", "size": number} for number in range(300)] + [{}]},
        {"$or": [{"metadata.a": {"$ne": number}} for number in range(10_000)] + [{"path": "nothing"}]},
        {"$or": [{"path": f"*{number}!*"} for number in range(500)] + [{"path": "*"}]},
    ):
        assert repository.query(condition).total == len(INJECTIONS) + 1
    assert repository.query(" OR ".join(f"metadata.a:{number}" for number in range(500))).total == 0
    assert repository.query(" OR ".join(f"label:label{number}" for number in range(5000))).total == 0
    assert repository.query("NOT " * DEEP + "label:nothing").total == 0
    assert repository.query("NOT " * (DEEP + 1) + "label:nothing").total == len(INJECTIONS) + 1


@pytest.mark.parametrize(
    "condition",
    [
        {"$and": [{"path": {"$ne": f"{number}"}} for number in range(1001)]},
        {"$or": [{"path": f"*{number}!*"} for number in range(DEEP)]},
        {"path": {"$in": [f"*{number}!*" for number in range(DEEP)]}},
        " ".join(f"word{number}" for number in range(20_000)),
        " OR ".join(f"count(label:{number})>1" for number in range(2000)),
    ],
    ids=["and", "or", "in", "words", "counts"],
)
def test_too_many_conditions_are_refused(repository: Repository, condition: Any) -> None:
    error = refused(repository, condition)
    assert "more than 1000 conditions" in error.message and "$in" in error.hint
