"""Class folders in and out."""

from __future__ import annotations

from pathlib import Path

import pytest
from labels.strategies import DATA, Memory, item, read, write
from oxide.errors import InvalidInput, NotFound
from oxide.formats import folders
from oxide.labels.annotation import Annotation
from oxide.labels.ontology import Label
from support import picture
from support import write as put


def cls(label: str, identifier: str = "a" * 24, **fields: object) -> Annotation:
    return Annotation("class", label, id=identifier, source="import", **fields)  # type: ignore[arg-type]


def test_the_folder_at_the_top_is_the_class(tmp_path: Path) -> None:
    for path in ("cat/a.jpg", "cat/more/b.PNG", "dog/c.mp4", "d.jpg", "dog/notes.txt", "dog/.hidden.jpg", ".x/e.jpg"):
        put(tmp_path, path, picture(path))
    found = read(folders.format(), tmp_path)
    assert {path: [each.label for each in group] for path, group in found.annotations.items()} == {
        "cat/a.jpg": ["cat"],
        "cat/more/b.PNG": ["cat"],
        "dog/c.mp4": ["dog"],
        "d.jpg": [],
    }
    assert list(found.labels) == ["cat", "dog"]
    assert not any(each.metadata for each in found.pictures.values())


def test_folders_of_splits_are_told_from_classes(tmp_path: Path) -> None:
    for path in ("train/cat/a.jpg", "valid/cat/b.jpg", "test/dog/c.jpg"):
        put(tmp_path, path, picture(path))
    found = read(folders.format(), tmp_path)
    assert {path: each.metadata for path, each in found.pictures.items()} == {
        "train/cat/a.jpg": {"split": "train"},
        "valid/cat/b.jpg": {"split": "val"},
        "test/dog/c.jpg": {"split": "test"},
    }
    assert [each.label for group in found.annotations.values() for each in group] == ["dog", "cat", "cat"]


def test_pictures_go_into_the_folder_of_their_class(tmp_path: Path) -> None:
    format = folders.format()
    items = [
        item("cat/a.jpg", cls("cat")),
        item("b.jpg", cls("dog"), number=2),
        item("c.jpg", cls("cat"), cls("dog", "b" * 24), number=3),
        item("d.jpg", number=4),
    ]
    lost = write(format, Memory(items, [Label("cat"), Label("dog")]), tmp_path)
    assert lost.losses == {
        "ids of annotations": 3,
        "classes besides the first": 1,
        "items without a class, left out": 1,
    }
    places = [format.picture_path(each) for each in items]
    assert places == ["cat/a.jpg", "dog/b.jpg", "cat/c.jpg", None]
    for place in places[:3]:
        put(tmp_path, str(place), picture(place))
    assert {path: [each.label for each in group] for path, group in read(format, tmp_path).annotations.items()} == {
        "cat/a.jpg": ["cat"],
        "cat/c.jpg": ["cat"],
        "dog/b.jpg": ["dog"],
    }


@pytest.mark.parametrize("label", ["a/b", "..", "", "."])
def test_labels_that_are_no_names_of_folders_are_refused(tmp_path: Path, label: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be the name of a folder"):
        write(folders.format(), Memory([item("a.jpg", cls(label))], [Label(label)]), tmp_path / "out")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(folders.format(), tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="no picture below"):
        read(folders.format(), tmp_path)
    with pytest.raises(InvalidInput, match="is no folder"):
        read(folders.format(), put(tmp_path, "a.jpg"))


@pytest.mark.skipif(not DATA.is_dir(), reason="no real pictures: ../shared/data is not beside the checkout")
def test_cats_and_dogs_in_folders() -> None:
    found = read(folders.format(), DATA / "catdog/kaggle")
    counts = {label: sum(group[0].label == label for group in found.annotations.values()) for label in found.labels}
    assert counts == {"cat": 200, "dog": 200}
