"""Views as the libraries for training take them, which are too large to be installed for a test.

What stands in for one keeps to what it was seen to ask for: ``datasets`` pickles its generator to name what it made, so
that a changed view must have another pickle and an equal one the same; torch reads indexes, alone or together, also
after a pickle in another process.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow
import pytest
from labels.workbench import make_repository
from oxide import Annotation, Repository
from oxide.errors import MissingExtra
from oxide.views.datasets import MapDataset
from oxide.views.item import Item


class Dataset:
    """What ``datasets`` makes: a table, and the name that it keeps it under."""

    def __init__(self, rows: list[dict[str, Any]], features: dict[str, Any], name: str) -> None:
        columns = pyarrow.schema([(key, kind) for key, kind in features.items() if key != "image"])
        self.images = [row["image"] for row in rows]
        self.table = pyarrow.Table.from_pylist([{**row, "image": None} for row in rows], schema=columns)
        self.name = name

    @classmethod
    def from_generator(cls, generator: Callable[[], Iterator[dict[str, Any]]], features: dict[str, Any]) -> Dataset:
        name = hashlib.sha256(pickle.dumps(generator)).hexdigest()
        rows = list(generator())
        if not rows:
            raise ValueError("the split corresponds to no data")
        return cls(rows, features, name)

    @classmethod
    def from_dict(cls, columns: dict[str, list[Any]], features: dict[str, Any]) -> Dataset:
        assert columns == {name: [] for name in features}
        return cls([], features, "")


class Features(dict[str, Any]):
    @classmethod
    def from_arrow_schema(cls, schema: pyarrow.Schema) -> Features:
        return cls(zip(schema.names, schema.types, strict=True))


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    module = ModuleType("datasets")
    module.Dataset, module.Features, module.Image = Dataset, Features, object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    repository = make_repository(tmp_path / "r", "a.jpg", "b.jpg", "c.jpg")
    repository.annotate("c.jpg", Annotation("box", "cat", (0, 0, 5, 5), score=0.5))
    return repository


def test_rows_have_contents_and_types_whatever_the_first_ones_hold(pets: Repository) -> None:
    view = pets.view()
    made = view.to_hf_dataset()
    assert made.table.equals(view.to_arrow())
    assert made.images == [{"path": item.path, "bytes": item.read()} for item in view]
    nothing = view.match("name:nothing").to_hf_dataset()
    assert nothing.images == [] and nothing.table.schema == made.table.schema


def test_what_was_made_is_taken_again_for_the_same_rows_only(pets: Repository) -> None:
    first = pets.view().to_hf_dataset().name
    assert pets.view().to_hf_dataset().name == first
    assert pets.view().take(2).to_hf_dataset().name != first
    assert pets.view().filter_labels("label:cat").to_hf_dataset().name != first
    pets.annotate("a.jpg", Annotation("class", "dog"))
    assert pets.view().to_hf_dataset().name != first


def test_without_the_library_the_command_is_named(pets: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match="datasets"):
        pets.view().to_hf_dataset()


def path_of(item: Item) -> str:
    return item.path


def test_indexes_alone_and_together(pets: Repository) -> None:
    dataset = pets.view().sort_by("path:desc").to_torch(path_of)
    assert [dataset[at] for at in range(len(dataset))] == ["c.jpg", "b.jpg", "a.jpg"]
    assert dataset.__getitems__([2, 0, 0]) == ["a.jpg", "c.jpg", "c.jpg"] and dataset[-1] == "a.jpg"
    with pytest.raises(IndexError):
        dataset[3]


def read(item: Item) -> tuple[str, bytes, list[str | None]]:
    return item.path, item.read(), [each.label for each in item.annotations]


def asked(dataset: MapDataset, indices: Sequence[int]) -> list[Any]:
    """What a worker does: indexes come, and what it made goes back as a pickle."""
    return [dataset[at] for at in indices] + dataset.__getitems__(list(indices))


def test_workers_that_are_spawned_read_what_the_view_stood_for(pets: Repository) -> None:
    view = pets.view().sort_by("path:desc")
    expected = [read(item) for item in view]
    assert [labels for _, _, labels in expected] == [["cat"], [], []]
    transformed, plain = view.to_torch(read), view.to_torch()
    pets.annotate("a.jpg", Annotation("class", "dog"))  # the view was made before, so that workers do not see it
    pets.remove(["b.jpg"])
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(asked, transformed, range(3)).result() == expected * 2
        pytest.importorskip("PIL", reason="the extra `vision` is not installed")
        for (array, item), (path, content, labels) in zip(
            pool.submit(asked, plain, range(3)).result(), expected * 2, strict=True
        ):
            assert (item.path, item.read(), [each.label for each in item.annotations]) == (path, content, labels)
            assert (array == item.array()).all()


def test_a_view_that_was_pickled_is_equal_and_holds_what_it_reads(pets: Repository) -> None:
    view = pets.view().filter_labels("label:cat").sort_by("size")
    again = pickle.loads(pickle.dumps(view))
    assert again == view and repr(again) == repr(view)
    before = [read(item) for item in view]
    del view
    pets.undo()
    pets.annotate("c.jpg", Annotation("class", "dog"))
    pets.gc(keep=0, now=True)
    assert [read(item) for item in again] == before
    at_commit = pets.at("main").view()
    assert pickle.loads(pickle.dumps(at_commit)) == at_commit != again
