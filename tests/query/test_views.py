"""Views: chains of steps against a model of plain lists, and what a view hands over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labels.workbench import make_repository
from oxide import Annotation, Repository
from oxide.errors import InvalidInput, NotFound, QueryError
from oxide.views.resolving import digest
from oxide.views.view import View

NAMES = [f"{folder}/{number}.png" for folder in ("cats", "dogs") for number in range(8)]


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Sixteen pictures with `n`, and boxes of two labels."""
    repository = make_repository(tmp_path_factory.mktemp("pets"), *NAMES)
    for number, name in enumerate(NAMES):
        repository.set_metadata([name], {"n": number, "odd": number % 2 == 1})
        labels = [label for label, every in (("cat", 2), ("dog", 3)) if number % every == 0]
        boxes = [Annotation(type="box", label=label, box=(0, 0, 5, 5), score=number / 16) for label in labels]
        if boxes:
            repository.annotate(name, *boxes)
    repository.commit("Pets")
    return repository


Model = list[dict[str, Any]]


def model(repository: Repository) -> Model:
    return [
        {"path": item.path, "id": item.id, "n": item.metadata["n"], "labels": [each.label for each in item.annotations]}
        for item in repository.view()
    ]


STEPS = st.one_of(
    st.tuples(st.just("match"), st.sampled_from(["metadata.odd:true", "metadata.n>5", "label:cat", "path:cats/*"])),
    st.tuples(st.just("sort"), st.sampled_from(["metadata.n:desc", "name", "path:desc"])),
    st.tuples(st.sampled_from(["take", "skip"]), st.integers(0, 12)),
    st.tuples(st.just("sample"), st.integers(0, 12)),
    st.tuples(st.sampled_from(["select", "exclude"]), st.lists(st.sampled_from(NAMES), max_size=5)),
    st.tuples(st.sampled_from(["join", "minus"]), st.sampled_from(["label:dog", "metadata.n<7"])),
)


def modelled(rows: Model, step: tuple[str, Any], everything: Model) -> Model:
    kind, value = step
    tests = {
        "metadata.odd:true": lambda row: row["n"] % 2 == 1,
        "metadata.n>5": lambda row: row["n"] > 5,
        "metadata.n<7": lambda row: row["n"] < 7,
        "label:cat": lambda row: "cat" in row["labels"],
        "label:dog": lambda row: "dog" in row["labels"],
        "path:cats/*": lambda row: row["path"].startswith("cats/"),
    }
    if kind == "match":
        return [row for row in rows if tests[value](row)]
    if kind == "sort":
        name, _, direction = value.partition(":")
        keys = {
            "metadata.n": lambda row: row["n"],
            "name": lambda row: row["path"].split("/")[1],
            "path": lambda row: row["path"],
        }
        ordered = sorted(rows, key=lambda row: row["id"])
        return sorted(ordered, key=keys[name], reverse=direction == "desc")
    if kind in ("take", "skip"):
        return rows[:value] if kind == "take" else rows[value:]
    if kind == "sample":
        chosen = sorted(rows, key=lambda row: digest(3, row["id"]))[:value]
        return [row for row in rows if row in chosen]
    if kind in ("select", "exclude"):
        return [row for row in rows if (row["path"] in value) == (kind == "select")]
    return [row for row in rows if tests[value](row) == (kind == "join")]


def applied(view: View, step: tuple[str, Any], everything: View) -> View:
    kind, value = step
    if kind == "match":
        return view.match(value)
    if kind == "sort":
        return view.sort_by(value)
    if kind in ("take", "skip"):
        return view.take(value) if kind == "take" else view.skip(value)
    if kind == "sample":
        return view.sample(value, seed=3)
    if kind in ("select", "exclude"):
        return view.select(*value) if kind == "select" else view.exclude(*value)
    other = everything.match(value)
    return view.join(other) if kind == "join" else view.minus(other)


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(STEPS, max_size=4))
def test_chains_of_steps_do_what_lists_do(pets: Repository, steps: list[tuple[str, Any]]) -> None:
    everything, rows = pets.view(), model(pets)
    view, again, all_rows = everything, pets.view(), rows
    for step in steps:
        view, again = applied(view, step, everything), applied(again, step, everything)
        rows = modelled(rows, step, all_rows)
    assert len(view) == len(rows)
    assert view.paths == [row["path"] for row in rows]
    assert view == again and hash(view) == hash(again)


def test_a_view_is_immutable_and_equal_by_its_steps(pets: Repository) -> None:
    everything = pets.view()
    cats = everything.match("label:cat")
    assert len(everything) == 16 and len(cats) == 8
    assert cats == pets.view().match({"annotations.label": "cat"}) and cats != everything
    assert len({cats, pets.view().match("label:cat"), everything}) == 2
    assert "match('label:cat')" in repr(cats)


def test_filtered_labels_are_all_that_is_left_of_an_item(pets: Repository) -> None:
    dogs = pets.view().filter_labels({"label": "dog"})
    assert [item.metadata["n"] for item in dogs] == [0, 3, 6, 9, 12, 15]
    assert {each.label for item in dogs for each in item.annotations} == {"dog"}
    few = pets.view().filter_labels("label:dog").filter_labels({"score": {"$gt": 0.5}})
    assert [item.metadata["n"] for item in few] == [9, 12, 15]
    assert [item.metadata["n"] for item in pets.view().take(4).filter_labels("label:dog")] == [0, 3]


def test_groups(pets: Repository) -> None:
    groups = pets.view().group_by("metadata.odd")
    assert groups.counts() == [(False, 8), (True, 8)]
    assert [(value, len(view)) for value, view in groups] == groups.counts()
    assert [value for value, _ in pets.view().group_by("dir")] == ["/cats", "/dogs"]
    with pytest.raises(InvalidInput, match="grouped by"):
        pets.view().group_by("label")


def test_a_sample_does_not_depend_on_the_order(pets: Repository) -> None:
    one = pets.view().sample(5, seed=7)
    other = pets.view().sort_by("metadata.n:desc").sample(5, seed=7)
    assert set(one.ids) == set(other.ids) and one.ids != other.ids
    assert set(pets.view().sample(5, seed=8).ids) != set(one.ids)


def test_tables(pets: Repository) -> None:
    view = pets.view().match("metadata.n<4").filter_labels("label:cat")
    table = view.to_arrow()
    assert table.column("path").to_pylist() == ["cats/0.png", "cats/2.png"]
    assert [json.loads(text)["n"] for text in table.column("metadata").to_pylist()] == [0, 2]
    assert [each["label"] for row in table.column("annotations").to_pylist() for each in row] == ["cat", "cat"]
    assert pyarrow.RecordBatchReader.from_stream(view).read_all() == table
    with duckdb.connect() as connection:
        relation = view.to_duckdb(connection)
        assert relation.aggregate("sum(len(annotations))").fetchall() == [(2,)]
    assert pets.view().match("name:none").to_arrow().num_rows == 0


def test_polars_and_pandas(pets: Repository) -> None:
    pytest.importorskip("polars", reason="the extra `frames` is not installed")
    view = pets.view().take(3)
    assert view.to_polars()["path"].to_list() == view.to_pandas()["path"].to_list() == view.paths


def test_pictures(pets: Repository) -> None:
    pytest.importorskip("PIL", reason="the extra `vision` is not installed")
    item = pets.view().first()
    array = item.array()
    assert array.shape == (*item.picture().size[::-1], 3) and array.dtype == "uint8"
    assert item.open().read() == item.read()
    dataset = pets.view().to_torch()
    assert len(dataset) == 16 and dataset[3][1].path == NAMES[3]
    assert [each.path for _, each in dataset.__getitems__([5, 1])] == [NAMES[5], NAMES[1]]
    assert "data:image/jpeg;base64" in pets.view()._repr_html_()


def test_groups_by_their_value(pets: Repository) -> None:
    groups = pets.view().group_by("dir")
    assert groups["/cats"].paths == [name for name in NAMES if name.startswith("cats/")]
    assert groups["/cats"] == dict(groups)["/cats"]
    assert "/cats" in groups and "cats" not in groups
    with pytest.raises(NotFound, match="'cats'") as raised:
        groups["cats"]
    assert "'/cats', '/dogs'" in raised.value.hint
    assert len(pets.view().group_by("metadata.odd")[True]) == 8
    assert len(pets.view().group_by("metadata.none")[None]) == 16


def test_a_view_does_not_change(pets: Repository) -> None:
    view: Any = pets.view().match("label:cat")
    before = (view.steps, hash(view))
    for name in ("steps", "revision", "repository", "engine", "ids", "other"):
        with pytest.raises(AttributeError, match="does not change"):
            setattr(view, name, ())
    with pytest.raises(AttributeError):
        del view.steps
    assert (view.steps, hash(view)) == before and view.ids == view.ids


def test_wrong_steps(pets: Repository) -> None:
    with pytest.raises(InvalidInput):
        pets.view().take(-1)
    with pytest.raises(QueryError):
        pets.view().match({"nothing": 1})
    with pytest.raises(QueryError):
        pets.view().filter_labels({"path": "a"})
    with pytest.raises(NotFound):
        pets.view().match("name:none").first()
    with pytest.raises(NotFound):
        pets.view("nowhere")
    view: Any = pets.view()
    for wrong, hint in (
        (lambda: view.select(NAMES), "*names"),
        (lambda: view.join(NAMES), "view.join"),
        (lambda: view[2:4], "skip"),
        (lambda: view.match({"filter": {}, "delete": True}), "apply_query"),
        (lambda: pets.save_view("x", "label:cat"), "repo.view()"),  # type: ignore[arg-type]
        (lambda: pets.save_view(5, view), "short text"),  # type: ignore[arg-type]
        (lambda: view.match({"filter": {}, "update": {"metadata": {"n": 1}}}), "apply_query"),
    ):
        with pytest.raises(InvalidInput) as raised:
            wrong()
        assert hint in raised.value.hint


def test_saved_views_are_versioned(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r", "a.png", "b.png", "c.png")
    repository.set_metadata(["a.png", "b.png"], {"n": 1})
    repository.commit("n")
    view = repository.view().match("metadata.n:1").sort_by("path:desc").sample(5, seed=1).skip(1)
    view = view.join(repository.view().match("name:a*")).filter_labels("label:cat").minus(repository.view())
    repository.save_view("first", view, "what n is")
    assert repository.load_view("first") == view
    assert repository.status().tables["views"].added == 1
    repository.commit("a view")
    repository.save_view("first", repository.view().match("name:b*"))
    assert repository.load_view("first").paths == ["b.png"]
    assert repository.load_view("first", at="HEAD").steps == view.steps
    assert [each.name for each in repository.views()] == ["first"] and repository.views("HEAD~1") == []
    repository.undo()
    assert repository.load_view("first").steps == view.steps
    repository.remove_view("first")
    with pytest.raises(NotFound, match="no view 'first'"):
        repository.load_view("first")
    with pytest.raises(InvalidInput):
        repository.save_view(" x", view)


def test_saved_views_are_branched_compared_merged_and_taken_back(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r", "a.png", "b.png")

    def names(revision: str | None = None) -> dict[str, list[str]]:
        return {each.name: repository.load_view(each.name, revision).paths for each in repository.views(revision)}

    repository.save_view("one", repository.view().match("name:a*"))
    repository.commit("one")
    repository.create_branch("other")
    repository.save_view("ours", repository.view())
    repository.commit("ours")
    repository.checkout("other")
    assert names() == {"one": ["a.png"]}
    repository.save_view("one", repository.view().match("name:b*"))
    repository.save_view("theirs", repository.view().take(1))
    theirs = repository.commit("theirs")
    change = repository.diff("main", "other").tables["views"]
    assert (change.added, change.modified, change.removed) == (1, 1, 1)
    repository.checkout("main")
    repository.merge("other")
    assert names() == {"one": ["b.png"], "ours": ["a.png", "b.png"], "theirs": ["a.png"]}
    repository.revert(theirs.id)
    assert names() == {"one": ["a.png"], "ours": ["a.png", "b.png"]}
    assert names("other") == {"one": ["b.png"], "theirs": ["a.png"]}
    assert repository.sql("SELECT name FROM views ORDER BY name").fetch_rows() == [("one",), ("ours",)]
