"""What a query gives besides its rows: pages, cursors, explanations, changes, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from labels.workbench import make_repository
from oxide import Annotation, Repository
from oxide.errors import InvalidInput, NotFound, QueryError
from oxide.query.asking import understood
from oxide.query.text_writing import to_text
from oxide.query.writing import filter_json, query_json
from support import picture, write

NAMES = [f"{folder}/{number}.jpg" for folder in ("cats", "dogs") for number in range(6)]


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Twelve pictures: metadata `n` of the even ones, boxes of the cats."""
    repository = make_repository(tmp_path_factory.mktemp("pets"), *NAMES)
    for number, name in enumerate(NAMES):
        if number % 2 == 0:
            repository.set_metadata([name], {"n": number, "deep": {"list": [{"k": number}, {"k": -1}]}})
        if name.startswith("cats"):
            boxes = [Annotation(type="box", label="cat", box=(0, 0, 10 * (at + 1), 10)) for at in range(number % 3)]
            if boxes:
                repository.annotate(name, *boxes)
    repository.commit("Pets")
    return repository


def test_a_page_and_the_next_one_hold_every_row_once(pets: Repository) -> None:
    for sort in (None, "size", "name:desc", "metadata.n", "metadata.n:desc", "annotationsCount:desc", "createdAt"):
        paths: list[str] = []
        cursor = None
        while True:
            page = pets.query({}, sort=sort, limit=5, after=cursor)
            paths += page.page_paths
            assert page.total == len(NAMES)
            cursor = page.next
            if cursor is None:
                break
        assert paths == pets.query({}, sort=sort).paths
        assert sorted(paths) == NAMES


def test_a_cursor_goes_on_where_rows_were_added_and_removed(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r", "a.jpg", "c.jpg", "e.jpg", "g.jpg")
    page = repository.query({}, limit=2)
    assert page.page_paths == ["a.jpg", "c.jpg"]
    repository.remove(["c.jpg"])
    for name in ("b.jpg", "d.jpg"):
        (tmp_path / "r" / name).write_text(name)
    repository.add(["."])
    assert repository.query({}, limit=2, after=page.next).page_paths == ["d.jpg", "e.jpg"]


def test_pages_by_number(pets: Repository) -> None:
    envelope: dict[str, Any] = {"filter": {}, "sort": {"filename": "ascending"}, "pageSize": 5, "page": 2}
    assert pets.query(envelope).page_paths == NAMES[10:]
    assert pets.query(envelope | {"page": 3}).page_paths == []


def test_missing_values_come_first_when_the_order_ascends(pets: Repository) -> None:
    paths = pets.query({}, sort="metadata.n").paths
    assert paths[:6] == [name for at, name in enumerate(NAMES) if at % 2] and paths[6:] == NAMES[::2]
    assert pets.query({}, sort="metadata.n:desc").paths[:6] == NAMES[::-2][:0] + NAMES[10::-2]


def test_a_cursor_of_another_query_is_refused(pets: Repository) -> None:
    cursor = pets.query({}, limit=5).next
    assert cursor is not None
    for query, sort, after in (
        ({"name": "1.jpg"}, None, cursor),
        ({}, "size", cursor),
        ({}, None, "nonsense"),
        ({}, None, "é"),
    ):
        with pytest.raises(InvalidInput):
            _ = pets.query(query, sort=sort, limit=5, after=after).items


def test_records_of_items_and_annotations(pets: Repository) -> None:
    (item,) = pets.query({"path": "cats/2.jpg"}).items
    assert item["filename"] == "/cats/2.jpg" and item["dir"] == "/cats" and item["name"] == "2.jpg"
    assert item["metadata"]["n"] == 2 and item["type"] == "file" and item["hidden"] is False
    annotations = pets.query({"resource": "annotations", "filter": {"item.path": "cats/2.jpg"}}).items
    assert [each["bbox"] for each in annotations] == [[0, 0, 10, 10], [0, 0, 20, 10]]
    assert {each["path"] for each in annotations} == {"cats/2.jpg"}
    assert annotations[0]["item_id"] == item["id"]


def test_an_earlier_revision_and_what_is_pending(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r", "a.jpg", "b.jpg")
    repository.annotate("a.jpg", Annotation(type="class", label="cat"))
    repository.commit("cat")
    repository.create_tag("v1")
    repository.annotate("b.jpg", Annotation(type="class", label="cat"))
    assert repository.query("label:cat").total == 2
    assert repository.query("label:cat", at="HEAD").total == repository.at("v1").query("label:cat").total == 1
    assert repository.query("label:cat", at="v1~1").total == 0
    changed = {"annotations": {"$match": {"$changedSince": "v1"}}}
    assert repository.query(changed).paths == ["b.jpg"]
    repository.commit("another")
    assert repository.query(changed).paths == ["b.jpg"]
    assert repository.query({"$changedSince": "v1"}).paths == []
    repository.set_metadata(["a.jpg"], {"x": 1})
    assert repository.query({"$changedSince": "v1"}).paths == ["a.jpg"]
    assert repository.query({"$changedSince": "2000-01-01"}).total == 2
    assert repository.query({"$changedSince": "2999-01-01"}).paths == ["a.jpg"]
    assert (
        repository.query({"$changedBy": "Ada*"}).total + repository.query({"$not": {"$changedBy": "Ada*"}}).total == 2
    )
    with pytest.raises(QueryError, match="nowhere"):
        _ = repository.query({"$changedSince": "nowhere"}).total
    with pytest.raises(NotFound):
        repository.query({}, at="nowhere")


def test_update_by_query_is_one_operation(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r", "a.jpg", "b.jpg", "c.jpg")
    repository.set_metadata(["a.jpg", "b.jpg"], {"foo": "x", "keep": {"me": 1}})
    query = {"filter": {"metadata.foo": "x"}, "update": {"metadata": {"user": {"keep": {"too": 2}, "foo": None}}}}
    result = repository.query(query)
    assert repository.apply_query(result, dry_run=True) == 2
    assert repository.metadata("a.jpg") == {"foo": "x", "keep": {"me": 1}}
    assert repository.apply_query(result) == 2
    assert repository.metadata("b.jpg") == {"keep": {"me": 1, "too": 2}}
    assert repository.apply_query(repository.query({"filter": {"name": "c.jpg"}, **_only(query, "update")})) == 1
    repository.undo()
    repository.undo()
    assert repository.metadata("a.jpg") == {"foo": "x", "keep": {"me": 1}}


def _only(query: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: query[name]}


def test_an_update_of_system_metadata_says_so(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r", "a.jpg", "b.jpg")
    repository.set_metadata(["a.jpg"], {"foo": "x"})
    update: dict[str, Any] = {"filter": {"name": "a.jpg"}, "update": {"metadata": {"system": {"refs": [{"id": "T"}]}}}}
    with pytest.raises(QueryError, match="/update/metadata/system"):
        repository.query(update)
    result = repository.query({**update, "systemSpace": True})
    assert understood(query_json(result.query)) == result.query
    assert repository.apply_query(result) == 1
    assert repository.metadata("a.jpg") == {"foo": "x", "system": {"refs": [{"id": "T"}]}}
    assert repository.query({"metadata.system.refs": {"$match": {"id": "T"}}}).paths == ["a.jpg"]
    both = {"user": {"foo": None}, "system": {"refs": None, "b": 1}}
    assert repository.apply_query(repository.query({**update, "update": {"metadata": both}, "systemSpace": True})) == 1
    assert repository.metadata("a.jpg") == {"system": {"b": 1}}


def test_a_date_alone_is_its_day(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r", "a.jpg")
    for name, text in (("b.jpg", "2020-05-01T00:00:00"), ("c.jpg", "2020-05-01T23:59:59"), ("d.jpg", "2020-05-02")):
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
        with mock.patch("oxide.clock.now", lambda moment=moment: int(moment.timestamp()) * 1_000_000):
            write(repository.root, name, picture(name))
            repository.add([name])
            repository.annotate(name, Annotation("box", "cat", (0, 0, 5, 5)))
            repository.commit(name)

    def paths(query: Any) -> list[str]:
        return repository.query(query).paths

    day = "2020-05-01"
    for query in (f"createdAt:{day}", f"createdAt={day}", {"createdAt": day}, {"createdAt": {"$in": [day]}}):
        assert paths(query) == ["b.jpg", "c.jpg"], query
    assert paths(f"annotations.createdAt:{day}") == paths({"annotations.createdAt": day}) == ["b.jpg", "c.jpg"]
    assert paths(f"-createdAt:{day}") == paths({"createdAt": {"$ne": day}}) == ["a.jpg", "d.jpg"]
    assert paths({"createdAt": {"$in": [day, "2020-05-02T00:00:00Z"]}}) == ["b.jpg", "c.jpg", "d.jpg"]
    assert paths({"createdAt": {"$in": ["1969-12-31", day, day, "0001-01-01", "9999-12-31"]}}) == ["b.jpg", "c.jpg"]
    assert paths({"createdAt": {"$nin": [day, "2020-05-02"]}}) == ["a.jpg"]
    assert paths(f"createdAt:{day}..{day}") == ["b.jpg", "c.jpg"]
    assert paths(f"createdAt:..{day}") == ["b.jpg", "c.jpg"]
    assert paths({"createdAt": {"$lte": day}}) == paths({"createdAt": f"{day}T00:00:00Z"}) == ["b.jpg"]
    assert paths(f"createdAt>{day}") == ["a.jpg", "c.jpg", "d.jpg"]
    assert paths("createdAt:9999-12-31") == paths("createdAt:0001-01-01") == []
    for query in (f"createdAt:{day}", f"-annotations.createdAt:({day}, 2020-05-02)"):
        tree = understood(query).tree
        assert understood(to_text(tree)).tree == understood({"filter": filter_json(tree)}).tree == tree


def test_update_and_delete_of_annotations(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r", "a.jpg", "b.jpg")
    for name in ("a.jpg", "b.jpg"):
        repository.annotate(name, Annotation(type="box", label="dog", box=(0, 0, 5, 5), attributes={"age": 1, "x": 2}))
    update = {
        "resource": "annotations",
        "filter": {"item.name": "a.jpg"},
        "update": {"label": "wolf", "attributes": {"x": None}},
    }
    assert repository.apply_query(repository.query(update)) == 1
    (wolf,) = repository.annotations("a.jpg")
    assert (wolf.label, wolf.attributes, wolf.box) == ("wolf", {"age": 1}, (0, 0, 5, 5))
    assert (
        repository.apply_query(
            repository.query({"resource": "annotations", "filter": {"label": "dog"}, "delete": True})
        )
        == 1
    )
    assert [repository.query(f"label:{label}").total for label in ("dog", "wolf")] == [0, 1]


def test_delete_of_items_is_a_removal(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r", "a.jpg", "b.jpg")
    result = repository.query({"filter": {"name": "a.jpg"}, "delete": True})
    assert repository.apply_query(result, dry_run=True) == 1 and (tmp_path / "r" / "a.jpg").exists()
    assert repository.apply_query(result) == 1 and not (tmp_path / "r" / "a.jpg").exists()
    assert repository.status().staged.removed == ["a.jpg"]


@pytest.mark.parametrize(
    "envelope",
    [
        {"filter": {}},
        {"filter": {}, "update": {"metadata": {"system": {"a": 1}}}},
        {"filter": {}, "update": {"metadata": 5}},
    ],
)
def test_changes_that_are_refused(pets: Repository, envelope: dict[str, Any]) -> None:
    before = pets.query({}).items
    with pytest.raises((InvalidInput, QueryError)):
        pets.apply_query(pets.query(envelope))
    with pytest.raises(InvalidInput, match="pending"):
        pets.apply_query(pets.query({"filter": {}, "delete": True}, at="HEAD"))
    for change in ({"delete": True}, {"update": {"metadata": {"a": 1}}}):
        with pytest.raises(InvalidInput, match="everything"):  # it would change more than it shows
            pets.query({"filter": {}, **change}, limit=1)
        with pytest.raises(InvalidInput, match="everything"):
            pets.query({"filter": {}, **change}, after="x")
    assert pets.query({}).items == before


def test_counts_of_annotations(pets: Repository) -> None:
    def count(asked: object) -> list[str]:
        return pets.query({"annotations": {"$match": {"label": "cat"}, "$count": asked}}).paths

    assert count(2) == count({"$gte": 2}) == ["cats/2.jpg", "cats/5.jpg"]
    assert count({"$lt": 1}) == [name for name in NAMES if name not in count({"$gte": 1})]
    assert count({"$gte": 1, "$lte": 1}) == ["cats/1.jpg", "cats/4.jpg"]


def test_geometry(pets: Repository) -> None:
    def paths(operator: str, operand: object) -> list[str]:
        return pets.query({"bbox": {operator: operand}}).paths

    assert paths("$area", {"$gt": 100}) == ["cats/2.jpg", "cats/5.jpg"]
    assert paths("$iou", {"box": [0, 0, 20, 10], "$gte": 0.99}) == ["cats/2.jpg", "cats/5.jpg"]
    assert paths("$inside", [0, 0, 15, 15]) == ["cats/1.jpg", "cats/2.jpg", "cats/4.jpg", "cats/5.jpg"]
    assert paths("$overlaps", [15, 0, 1, 1]) == ["cats/2.jpg", "cats/5.jpg"]
    assert paths("$overlaps", [20, 0, 1, 1]) == []


def test_lists_without_values(tmp_path: Path) -> None:
    """None of no values: every element that is looked at, and of fields only those that have fields are."""
    repository = make_repository(tmp_path / "r", "objects.jpg", "scalars.jpg", "nothing.jpg")
    repository.set_metadata(["objects.jpg"], {"refs": [1, {"a": 5}]})
    repository.set_metadata(["scalars.jpg"], {"refs": [1, "x"]})

    def paths(condition: dict[str, Any]) -> list[str]:
        return repository.query({"metadata.refs": condition}).paths

    assert paths({"$match": {"b": {"$nin": []}}}) == ["objects.jpg"]
    assert paths({"$match": {"b": {"$nin": []}, "a": 5}}) == ["objects.jpg"]
    assert paths({"$match": {"$not": {"b": {"$in": []}}}}) == ["objects.jpg"]
    assert paths({"$match": {"b": {"$in": []}}}) == []
    assert paths({"$match": {"$nin": []}}) == ["objects.jpg", "scalars.jpg"]
    assert paths({"$match": {"@": {"$nin": []}}}) == ["objects.jpg", "scalars.jpg"]
    assert paths({"$match": {"$in": []}}) == paths({"$in": []}) == []
    assert len(paths({"$nin": []})) == 3


def test_booleans_have_an_order(pets: Repository) -> None:
    cats = [name for name in NAMES if name in pets.query({"annotated": True}).paths]
    others = [name for name in NAMES if name not in cats]
    assert cats and others
    for operator, bound, found in (
        ("$gt", False, cats),
        ("$gt", True, []),
        ("$gte", False, NAMES),
        ("$gte", True, cats),
        ("$lt", True, others),
        ("$lt", False, []),
        ("$lte", True, NAMES),
        ("$lte", False, others),
    ):
        assert pets.query({"annotated": {operator: bound}}).paths == found
    assert pets.query("hidden<true").total == len(NAMES) and pets.query("executable>false").total == 0


def test_a_star_in_a_pattern(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r", "a*b.jpg", "axb.jpg", "a\\b.jpg")
    for text in ("a*b", "axb", "a\\b"):
        repository.set_metadata([f"{text}.jpg"], {"text": text})
    for pattern, found in (("a\\*b", ["a*b"]), ("a\\*?", ["a*b"]), ("a[\\]*b", ["a\\b"]), ("a\\?", ["a\\b"]), ("*", 3)):
        expected = [f"{text}.jpg" for text in found] if isinstance(found, list) else repository.query({}).paths
        assert repository.query({"path": {"$glob": f"{pattern}.jpg"}}).paths == expected
        assert repository.query({"metadata.text": {"$glob": pattern}}).paths == expected
        quoted = json.dumps(f"{pattern}")
        assert repository.query(f"metadata.text~{quoted}").paths == expected
    assert repository.query({"path": {"$glob": "a\\*b.jpg"}}).explain().scans[0][3] == 1


Explained = Callable[[Any], dict[str, tuple[int, int]]]


def test_only_segments_that_can_match_are_opened(tmp_path: Path) -> None:
    names = [f"{number:05}.txt" for number in range(40_000)]
    root = tmp_path / "many"
    repository = make_repository(root)
    for name in names:
        (root / name).touch()
    repository.add(["."])

    def opened(query: dict[str, Any]) -> tuple[int, int]:
        ((_, _, there, read),) = repository.query(query).explain().scans
        return there, read

    there, read = opened({})
    assert there > 1 and read <= there
    _ = repository.query({}).paths
    assert opened({"path": "00007.txt"}) == (there, 1)
    assert opened({"filename": "/3999*"}) == (there, 1)
    assert opened({"path": "none"}) == (there, 0) and repository.query({"path": "none"}).total == 0
    assert opened({"size": {"$gt": 5}}) == (there, 0)
    assert repository.query({"path": {"$gte": "39998.txt"}}).paths == ["39998.txt", "39999.txt"]


def test_an_explanation_shows_the_tree_the_statement_and_no_pasted_values(pets: Repository) -> None:
    found = pets.query({"metadata.n": {"$gt": 5}, "label": "'; DROP TABLE files; --"}).explain()
    assert "DROP" not in found.statement and "'; DROP TABLE files; --" in found.parameters.values()
    assert json.loads(json.dumps(found.as_record()))["sql"] == found.statement
    assert {table for _, table, _, _ in found.scans} == {"files", "metadata", "annotations"}
