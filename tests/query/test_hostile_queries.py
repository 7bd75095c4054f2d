"""Queries that mean harm, or are wrong: what they hold is a value and nothing else, or an error that says where.

Nothing here may hang: an alarm far beyond what any of it takes ends a test that does.
"""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
from labels.workbench import make_repository
from oxide import Annotation, Repository
from oxide.errors import InvalidInput, NotFound, QueryError

LONGEST = 300
DEEP = 100_000
INJECTIONS = [
    "' OR 1=1 --",
    "'; DROP TABLE files; --",
    '" OR ""="',
    "') UNION SELECT path FROM files --",
    "') OR EXISTS (FROM read_text('/etc/passwd')) --",
    "' || (SELECT content FROM read_text('/etc/passwd')) || '",
    "x'); ATTACH 'evil.db'; --",
    "\\'; SELECT 1; --",
    "$1",
    "$a",
    "?",
    "%",
    "_%",
    "%s {} {0} {path}",
    '"]',
    "[0]",
    "$[0]",
    "#",
    "/",
    "~1",
    "a'b\"c`d",
    "/* */ -- \n;",
    "{'a': 1}",
    '{"$ne": 1}',
    "null",
    "true",
    "1e5",
    "\u202e\u0000'",
    "\uff07 OR 1=1",
]
WITHOUT_DOTS = [text for text in INJECTIONS if "." not in text]


@pytest.fixture(autouse=True)
def _alarm() -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"it takes more than {LONGEST} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(LONGEST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def path_of(text: str) -> str:
    """The path of the file that is about a text; it is in the path as far as a path can hold it."""
    return f"{INJECTIONS.index(text):02} {text}".replace("/", "\u2215").replace("\0", "")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A file for each text, which is its name, its label, in its attributes and in its metadata."""
    repository = make_repository(tmp_path_factory.mktemp("hostile") / "tree", *map(path_of, INJECTIONS), "plain")
    for text in INJECTIONS:
        repository.set_metadata([path_of(text)], {"text": text, "names": {text: 1}, "list": [{text: text}, text]})
        repository.annotate(path_of(text), Annotation("class", text, attributes={"text": text}, description=text))
    repository.set_metadata(["plain"], {"long": "a" * 50_000})
    repository.commit("hostile")
    return repository


def paths(repository: Repository, query: Any, **options: Any) -> list[str]:
    """What a query finds."""
    found: list[str] = repository.query(query, **options).paths
    return found


def refused(repository: Repository, query: Any) -> QueryError:
    """The failure of a query; it is short, however long the query is."""
    with pytest.raises(QueryError) as caught:
        result = repository.query(query)
        _ = result.ids
    assert caught.value.code == "query"
    assert len(caught.value.message) < 2000
    return caught.value


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
        {"$or": [{"metadata.a": {"$ne": number}} for number in range(10_000)]},
        {"$or": [{"path": f"*{number}!*"} for number in range(500)] + [{"path": "*"}]},
    ):
        assert repository.query(condition).total == len(INJECTIONS) + 1
    assert repository.query(" OR ".join(f"metadata.a:{number}" for number in range(500))).total == 0
    assert repository.query("NOT " * DEEP + "label:nothing").total == 0
    assert repository.query("NOT " * (DEEP + 1) + "label:nothing").total == len(INJECTIONS) + 1


# -- values that are none ----------------------------------------------------------------------------------------------
HUGE = 10**400
VAST = 10**5000
"""An integer that Python does not write in decimal."""
NUMBERS = [math.nan, math.inf, -math.inf, HUGE, -HUGE, VAST, 2**63]


@pytest.mark.parametrize("number", NUMBERS, ids=["nan", "inf", "-inf", "huge", "-huge", "vast", "2**63"])
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
    for number in (2**63 - 1, -(2**63) + 1, 1e308, -1e308, 5e-324, -0.0, 2**53 + 1):
        assert repository.query({"metadata.a": number}).total == 0
        assert repository.query({"metadata.a": {"$gt": number}}).total == 0
        assert repository.query({"size": number}).total == 0
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
    ({"annotations": {"label": "cat"}}, "/annotations/label", "$match"),
    ({"annotations": {1: 2}}, "/annotations/1", "$match"),
    ({"annotations": {"$match": "cat"}}, "/annotations/$match", "object"),
    ({"annotations": {"$count": "2"}}, "/annotations/$count", "whole number"),
    ({"annotations": {"$count": 1.5}}, "/annotations/$count", "whole number"),
    ({"annotations": {"$count": {}}}, "/annotations/$count", "number"),
    ({"bbox": [0, 0, 1, 1]}, "/bbox", "$area"),
    ({"bbox": {"$inside": [0, 0, 1]}}, "/bbox/$inside", "width"),
    ({"bbox": {"$overlaps": [0, 0, -1, 1]}}, "/bbox/$overlaps", "negative"),
    ({"bbox": {"$iou": {"$gte": 0.5}}}, "/bbox/$iou", "box"),
    ({"bbox": {"$iou": {"box": [0, 0, 1, 1]}}}, "/bbox/$iou", "comparison"),
    ({"$and": {"path": "a"}}, "/$and", "list"),
    ({"$or": ["a"]}, "/$or/0", "object"),
    ({"$not": ["a"]}, "/$not", "object"),
    ({"$changedBy": 1}, "/$changedBy", "name"),
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
